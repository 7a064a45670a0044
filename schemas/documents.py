"""The committed JSON Schema (2020-12) of each event version: `orders/order_changed.v2.schema.json`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.event import EventFamily
from schemas.registry import Version

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Document = dict[str, Any]


def versions(events: Iterable[EventFamily]) -> list[Version]:
    """Every version of every event, oldest first within an event."""
    return [Version(family, number) for family in events for number in family.versions]


def generate(version: Version) -> Document:
    """The JSON Schema of a version's data, as its model says it now."""
    schema = version.model.data_schema()
    event = {
        "name": version.family.name,
        "version": version.number,
        "type": version.type,
        "topic": version.family.topic,
    }
    head = {"$schema": DIALECT, "$id": version.dataschema, "title": version.model.__name__, "description": ""}
    return {**head, **schema, "x-event": event}


def stem(version: Version) -> str:
    """How the files of a version are called: `order_changed.v2`."""
    return f"{version.family.name.replace('.', '_')}.v{version.number}"


def path(version: Version, folder: Path) -> Path:
    """Where a version's schema is committed, under the folder of all schemas."""
    return folder / version.family.topic / f"{stem(version)}.schema.json"


def text(document: Document) -> str:
    """The one way in which a document is written to a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(file: Path, content: str) -> bool:
    """Write a file if its content differs; say whether it did."""
    if file.is_file() and file.read_text() == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return True
