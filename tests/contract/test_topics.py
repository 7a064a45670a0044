"""The folders of `schemas/` are the system map: what they say is complete and true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.documents import generate, versions
from schemas.registry import EVENTS, Version
from schemas.topics import FOLDER, topics

SERVICES = Path(__file__).parents[2] / "services"
FOLDERS = sorted(folder for folder in FOLDER.iterdir() if folder.is_dir() and any(folder.glob("*.py")))
VERSIONS = versions(EVENTS)

SUSPICIOUS = ("name", "phone", "email", "address", "nickname", "postal_code", "text", "document", "birth", "raw")
EXCUSED = {
    "BuyOfferChangedV1.supplier_name": "a shop that we buy from",
    "InventoryChangedV1.raw": "our own goods",
    "OfferChangedV1.raw": "our own offer, as everybody can see it in the shop",
    "ListingChangedV1.raw": "our own listing, as everybody can see it in the shop",
    "ListingOperationChangedV1.raw": "what was done with our own listing",
    "ProductChangedV1.raw": "a product of a shop's catalogue",
    "MarketDataRecordedV1.raw": "prices of goods",
    "ScoreComponent.name": "what of an item was judged, such as its price",
    "SearchRunChangedV1.query_text": "what a program searches for, such as a product's name",
}
"""Fields whose names sound like personal data and are not, with the reason."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_is_a_topic_with_registered_events(folder: Path) -> None:
    assert (folder / "topic.yaml").is_file(), "a folder with events needs a topic.yaml"
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    registered = {event.name.replace(".", "_") for event in EVENTS if event.topic == folder.name}
    assert modules == registered, "every event is one file, and one line in schemas/registry.py"


def test_every_event_lives_in_the_folder_of_its_topic() -> None:
    for version in VERSIONS:
        assert version.model.__module__.split(".")[1] == version.family.topic


def test_names_and_types_are_unique() -> None:
    assert len({event.name for event in EVENTS}) == len(EVENTS)
    assert len({version.model for version in VERSIONS}) == len(VERSIONS)


@pytest.mark.parametrize("topic", topics().values(), ids=lambda topic: topic.name)
def test_producers_and_consumers_are_services(topic: Any) -> None:
    for service in (*topic.producers, *topic.dead_lettering):
        assert (SERVICES / service / "__init__.py").is_file(), (
            f"{topic.name} names {service}: no such folder in services/"
        )


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_every_event_has_a_card(version: Version) -> None:
    latest = version.number == version.family.latest
    card = generate(version)["description"]
    assert len(card) > 40
    assert not latest or ("Trigger:" in card and "Key:" in card)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_personal_data_is_marked(version: Version) -> None:
    schema = generate(version)
    unmarked = {
        f"{owner}.{name}"
        for owner, name, part in _fields(schema)
        if any(name == word or name.endswith(f"_{word}") for word in SUSPICIOUS) and not part.get("x-personal-data")
    }
    assert unmarked - EXCUSED.keys() == set(), "mark with PERSONAL (schemas/values.py), or excuse with a reason"


def test_excuses_are_still_needed() -> None:
    fields = {f"{owner}.{name}" for version in VERSIONS for owner, name, _ in _fields(generate(version))}
    assert EXCUSED.keys() <= fields


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, field in part.get("properties", {}).items():
            yield part["title"], name, field
