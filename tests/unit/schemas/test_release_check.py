"""`schemas check` and `schemas release` over a small catalogue of their own."""

import json
from pathlib import Path

import pytest

from schemas.check import NEW_VERSION, Finding, check
from schemas.documents import generate, path, text, versions, write
from schemas.event import EventFamily, Fact
from schemas.released import MANIFEST, freeze


class Thing(Fact):
    """A thing."""

    id: str


class ThingWithColour(Thing):
    """A thing."""

    colour: str | None = None


class ThingWithColourNumber(Thing):
    """A thing."""

    colour: int | None = None


class ThingWithOwner(Thing):
    """A thing."""

    owner: str


class ThingWithoutId(Fact):
    """A thing."""

    id: str | None = None


def _events(model: type[Fact]) -> tuple[EventFamily, ...]:
    return (EventFamily("thing.changed", "things", {1: model}),)


def _export(model: type[Fact], folder: Path) -> None:
    for version in versions(_events(model)):
        write(path(version, folder), text(generate(version)))


def _check(model: type[Fact], folder: Path) -> Finding:
    (finding,) = check(_events(model), folder)
    return finding


def _released(model: type[Fact], folder: Path, release: str) -> None:
    _export(model, folder)
    freeze(_events(model), folder, release)


def test_a_missing_schema_is_told_with_what_to_do(tmp_path: Path) -> None:
    finding = _check(Thing, tmp_path)
    assert finding.state == "drifted"
    assert "things/thing_changed.v1.schema.json is missing: run `sellstream schemas export`" in finding.problems[0]


def test_drift_is_shown_as_a_diff(tmp_path: Path) -> None:
    _export(Thing, tmp_path)
    (problem,) = _check(ThingWithColour, tmp_path).problems
    assert "is not what the models say" in problem
    assert '+    "colour": {' in problem


def test_unreleased_schemas_may_change_freely(tmp_path: Path) -> None:
    _export(Thing, tmp_path)
    _export(ThingWithOwner, tmp_path)
    assert _check(ThingWithOwner, tmp_path) == Finding("thing.changed.v1", "not released yet")


def test_a_released_schema_may_gain_an_optional_field(tmp_path: Path) -> None:
    _released(Thing, tmp_path, "1.0")
    assert _check(Thing, tmp_path).state == "as released in 1.0"
    _export(ThingWithColour, tmp_path)
    assert _check(ThingWithColour, tmp_path) == Finding("thing.changed.v1", "changed compatibly since 1.0")


def test_readers_go_first_where_old_ones_would_refuse(tmp_path: Path) -> None:
    _released(Thing, tmp_path, "1.0")
    _export(ThingWithoutId, tmp_path)
    assert "readers must be upgraded before writers" in _check(ThingWithoutId, tmp_path).state


def test_a_released_schema_may_not_gain_a_required_field(tmp_path: Path) -> None:
    _released(Thing, tmp_path, "1.0")
    _export(ThingWithOwner, tmp_path)
    finding = _check(ThingWithOwner, tmp_path)
    assert finding.state == "incompatible"
    assert finding.problems == (
        "data of release 1.0 may be unreadable at $.owner: is new and required: make it optional: " + NEW_VERSION,
    )


def test_every_released_form_counts_not_only_the_last(tmp_path: Path) -> None:
    _released(ThingWithColour, tmp_path, "1.0")
    _released(Thing, tmp_path, "1.1")
    _export(ThingWithColourNumber, tmp_path)
    (problem, *_) = _check(ThingWithColourNumber, tmp_path).problems
    assert "release 1.0" in problem
    assert "$.colour" in problem


def test_a_released_event_may_not_disappear(tmp_path: Path) -> None:
    _released(Thing, tmp_path, "1.0")
    path(versions(_events(Thing))[0], tmp_path).unlink()
    (finding,) = check((), tmp_path)
    assert (finding.subject, finding.state) == ("thing.changed.v1", "removed")


def test_a_stray_schema_is_named(tmp_path: Path) -> None:
    _export(Thing, tmp_path)
    (finding,) = check((), tmp_path)
    assert (finding.subject, finding.state) == ("things/thing_changed.v1.schema.json", "stray")


@pytest.mark.parametrize("damage", ["edit", "delete"])
def test_a_frozen_form_may_not_be_touched(tmp_path: Path, damage: str) -> None:
    _released(Thing, tmp_path, "1.0")
    frozen = tmp_path / "things" / "released" / "thing_changed.v1.1.schema.json"
    if damage == "edit":
        frozen.write_text(frozen.read_text().replace('"id"', '"identity"'))
    else:
        frozen.unlink()
    finding = _check(Thing, tmp_path)
    assert finding.state == "tampered"
    assert "restore it with git" in finding.problems[0]


def test_freezing_twice_adds_nothing_and_a_change_adds_a_form(tmp_path: Path) -> None:
    _export(Thing, tmp_path)
    assert [form.file for form in freeze(_events(Thing), tmp_path, "1.0")] == [
        "things/released/thing_changed.v1.1.schema.json"
    ]
    assert freeze(_events(Thing), tmp_path, "1.0") == []
    _export(ThingWithColour, tmp_path)
    assert [form.file for form in freeze(_events(ThingWithColour), tmp_path, "1.1")] == [
        "things/released/thing_changed.v1.2.schema.json"
    ]
    assert len(json.loads((tmp_path / MANIFEST).read_bytes())["urn:sellstream:schema:thing.changed.v1"]) == 2


def test_an_unpublished_release_may_be_frozen_anew(tmp_path: Path) -> None:
    _released(Thing, tmp_path, "1.0")
    _export(ThingWithOwner, tmp_path)
    freeze(_events(ThingWithOwner), tmp_path, "1.0", redo=True)
    assert _check(ThingWithOwner, tmp_path).state == "as released in 1.0"
    assert len(list((tmp_path / "things" / "released").iterdir())) == 1
