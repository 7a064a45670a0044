"""What has been released: frozen forms of the JSON Schemas, and a manifest with a hash of each.

A form is the schema of one event version at one release. `released.json` lists them; the files stand beside the events
(`orders/released/order_changed.v2.1.schema.json`, `.2.`, …). Later forms of a version may only be compatible
changes; the earlier ones stay, because data written under them stay.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.documents import Document, path, stem, text, versions, write
from schemas.event import EventFamily

MANIFEST = "released.json"


class Form(BaseModel):
    """One frozen form: the release that froze it, its file (relative to the schemas' folder) and the file's hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str
    file: str = Field(pattern=r"^[a-z_]+/released/[a-z_0-9]+\.v[0-9]+\.[0-9]+\.schema\.json$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class TamperedRelease(ValueError):
    """A frozen form is missing or is no longer what was released."""


_MANIFEST: TypeAdapter[dict[str, list[Form]]] = TypeAdapter(dict[str, list[Form]])


def manifest(folder: Path) -> dict[str, list[Form]]:
    """The frozen forms of each `dataschema`, oldest first; empty before the first release."""
    file = folder / MANIFEST
    return _MANIFEST.validate_json(file.read_bytes()) if file.is_file() else {}


def frozen(form: Form, folder: Path) -> Document:
    """A frozen form's schema; raise TamperedRelease if the file is not what was released."""
    file = folder / form.file
    content = file.read_bytes() if file.is_file() else b""
    if sha256(content).hexdigest() != form.sha256:
        what = "has been changed" if content else "is missing"
        raise TamperedRelease(f"{form.file}, frozen by release {form.release}, {what}: restore it with git")
    document: Document = json.loads(content)
    return document


def freeze(events: Iterable[EventFamily], folder: Path, release: str, *, redo: bool = False) -> list[Form]:
    """Freeze each committed schema that differs from its last frozen form; return what is new.

    `redo` first forgets what this same release froze: right only as long as the release has not been published. The
    caller has checked that the schemas are compatible.
    """
    listed = manifest(folder)
    if redo:
        for form in (form for forms in listed.values() for form in forms if form.release == release):
            (folder / form.file).unlink(missing_ok=True)
        kept = {name: [form for form in forms if form.release != release] for name, forms in listed.items()}
        listed = {name: forms for name, forms in kept.items() if forms}
    added = []
    for version in versions(events):
        forms = listed.setdefault(version.dataschema, [])
        content = path(version, folder).read_bytes()
        digest = sha256(content).hexdigest()
        if forms and forms[-1].sha256 == digest:
            continue
        file = f"{version.family.topic}/released/{stem(version)}.{len(forms) + 1}.schema.json"
        write(folder / file, content.decode())
        forms.append(Form(release=release, file=file, sha256=digest))
        added.append(forms[-1])
    write(folder / MANIFEST, text({name: [form.model_dump() for form in forms] for name, forms in listed.items()}))
    return added
