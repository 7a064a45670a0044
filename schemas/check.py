"""`sellstream schemas check`: are the committed schemas what the models say, and may they be released?"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from schemas.compat import breaks, is_forward
from schemas.documents import generate, path, text, versions
from schemas.event import EventFamily
from schemas.registry import Version
from schemas.released import Form, TamperedRelease, frozen, manifest

EXPORT = "run `sellstream schemas export` and commit the result"
NEW_VERSION = "make a new version plus an upcaster"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of one event version (or file): its state in a few words, and every problem."""

    subject: str
    state: str
    problems: tuple[str, ...] = ()


def check(events: Iterable[EventFamily], folder: Path) -> list[Finding]:
    """One finding for each event version, and one for each thing that should not be there."""
    known = versions(events)
    listed = manifest(folder)
    found = [_version(version, listed.get(version.dataschema, []), folder) for version in known]
    names = {version.dataschema for version in known}
    for name in sorted(listed.keys() - names):
        gone = f"{name} was released and is gone from the registry: facts of it are in the topics. Bring it back."
        found.append(Finding(name.rpartition(":")[2], "removed", (gone,)))
    files = {path(version, folder) for version in known}
    for stray in sorted(set(folder.glob("*/*.schema.json")) - files):
        where = stray.relative_to(folder)
        found.append(Finding(str(where), "stray", (f"{where} belongs to no registered event version: delete it",)))
    return found


def drift(file: Path, expected: str, folder: Path) -> tuple[str, ...]:
    """Why a committed file is not what would be generated; empty if it is."""
    where = file.relative_to(folder)
    if not file.is_file():
        return (f"{where} is missing: {EXPORT}",)
    if file.read_text() == expected:
        return ()
    lines = unified_diff(
        file.read_text().splitlines(), expected.splitlines(), f"{where} (committed)", "generated", "", "", 2, ""
    )
    return (f"{where} is not what the models say: {EXPORT}\n" + "\n".join(lines),)


def _version(version: Version, forms: list[Form], folder: Path) -> Finding:
    subject = f"{version.family.name}.v{version.number}"
    content = text(generate(version))
    now = json.loads(content)
    problems = list(drift(path(version, folder), content, folder))
    state = "drifted" if problems else "not released yet"
    older_can_read = True
    last: object = None
    for form in forms:
        try:
            last = released = frozen(form, folder)
        except TamperedRelease as error:
            return Finding(subject, "tampered", (*problems, str(error)))
        found = breaks(now, released)
        problems += [f"data of release {form.release} may be unreadable at {one}: {NEW_VERSION}" for one in found]
        state = "incompatible" if found else state
        older_can_read &= is_forward(now, released)
    if problems or not forms:
        return Finding(subject, state, tuple(problems))
    if last == now:
        return Finding(subject, f"as released in {forms[-1].release}")
    order = "" if older_can_read else "; readers must be upgraded before writers"
    return Finding(subject, f"changed compatibly since {forms[-1].release}{order}")
