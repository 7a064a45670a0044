"""Sealed text opens to what it was, and sealed facts are facts like others."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from libs.privacy.fields import SEALED, has_personal_data, seal_fields
from libs.privacy.opener import ERASED, opened
from libs.privacy.token import TOKEN, Broken, PersonKey, new_key, new_key_id
from libs.projection.model import Position
from libs.projection.quick_facts import QuickFacts
from libs.read_models import READ_MODELS
from schemas.documents import generate, versions
from schemas.event import Fact
from schemas.examples import Example, examples
from schemas.registry import EVENTS, Version
from tests.facts import FACTS
from tests.logs import record
from tests.unit.projection.test_quick_facts import same

SCHEMAS = Path(__file__).parents[3] / "schemas"
KEY = PersonKey(new_key_id(), new_key())
OTHER = PersonKey(new_key_id(), new_key())
DESTROYED = PersonKey(KEY.id, None)

NOBODYS = {
    "webhook.received": "bytes as they came, deleted by the sweep: services/privacy",
    "item.changed": "what every visitor of the shop can read of a seller",
    "search_run.changed": "the same",
}
"""Events with marked fields that belong to no buyer of ours, with the reason."""

PERSONAL = [version for version in versions(EVENTS) if has_personal_data(version.model)]
OF_PEOPLE = [version for version in PERSONAL if version.family.name not in NOBODYS]
EXAMPLES = [one for version in OF_PEOPLE for one in examples(version, SCHEMAS) if one.passes]


class KeysAtHand:
    """The keys of a test, by their ids (as libs.privacy.keys.Keys gives them)."""

    def __init__(self, *keys: PersonKey) -> None:
        self._keys = {key.id: key for key in keys}

    async def by_id(self, ids: Any) -> dict[str, PersonKey]:
        return {one: self._keys[one] for one in ids if one in self._keys}


def read(value: Any, *keys: PersonKey) -> Any:
    return asyncio.run(opened(value, KeysAtHand(*keys)))  # type: ignore[arg-type]  # only by_id is used


def personal(schema: dict[str, Any], part: Any, root: dict[str, Any]) -> list[Any]:
    """The values that stand in a document where its schema marks personal data."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for choice in schema.get("anyOf", ()):
        if part is not None and choice.get("type") != "null":
            return [part] if schema.get("x-personal-data") else personal(choice, part, root)
    if isinstance(part, list):
        return [found for one in part for found in personal(schema.get("items", {}), one, root)]
    found = []
    for name, field in schema.get("properties", {}).items():
        if isinstance(part, dict) and part.get(name):
            found += [part[name]] if field.get("x-personal-data") else personal(field, part[name], root)
    return found


@given(st.binary())
def test_what_was_sealed_opens(text: bytes) -> None:
    sealed = KEY.seal(text)
    found = TOKEN.fullmatch(sealed)
    assert found is not None
    assert found[1] == KEY.id
    assert KEY.open(found[2]) == text
    assert KEY.seal(text) == sealed
    assert DESTROYED.open(found[2]) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_back_and_none_without_its_key(text: str) -> None:
    sealed = KEY.seal(text.encode())
    assert read([sealed, {"a": (sealed,)}], KEY) == [text, {"a": (text,)}]
    assert read(sealed) == read(sealed, DESTROYED) == ERASED


@given(st.binary(min_size=1, max_size=40), st.data())
def test_what_was_changed_or_sealed_by_another_does_not_open(text: bytes, data: st.DataObject) -> None:
    found = TOKEN.fullmatch(KEY.seal(text))
    assert found is not None
    with pytest.raises(Broken, match=OTHER.id):
        OTHER.open(found[2])
    place = data.draw(st.integers(0, len(found[2]) - 2))
    changed = "A" if found[2][place] != "A" else "B"
    with pytest.raises(Broken):
        KEY.open(found[2][:place] + changed + found[2][place + 1 :])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.name)
def test_what_is_sealed_with_the_same_key_already_stays_as_it_is(example: Example) -> None:
    fact = example.version.model.model_validate_json(example.value)
    once = seal_fields(fact, KEY)
    assert seal_fields(once, KEY) == once
    assert seal_fields(once, DESTROYED) == once
    gone = seal_fields(fact, DESTROYED)
    assert seal_fields(gone, DESTROYED) == seal_fields(gone, KEY) == gone


@pytest.mark.parametrize(
    "text", [f"sealed:v1:{KEY.id}:bm90aGluZw", OTHER.seal(b"Maria"), "sealed:v1:x:y"], ids=["own", "others", "none"]
)
def test_a_text_that_looks_sealed_is_sealed_like_any_other(text: str) -> None:
    """Nobody reads another's secret by handing in its sealed form, or spoils a row."""
    made = FACTS["message_tickets"](1).model_copy(update={"customer_message": text})
    shown = read(seal_fields(made, KEY), KEY, OTHER)
    assert shown.customer_message == text


def test_a_destroyed_key_seals_nothing_readable() -> None:
    sealed = DESTROYED.seal(b"Maria")
    assert TOKEN.fullmatch(sealed)
    assert sealed.endswith(f"{KEY.id}:")
    assert KEY.open("") is None


@pytest.mark.parametrize("version", PERSONAL, ids=lambda version: version.type)
def test_every_fact_with_personal_data_says_whose_it_is(version: Version) -> None:
    said = version.model.person is not Fact.person
    assert said != (version.family.name in NOBODYS), "say whose (Fact.person), or excuse it in NOBODYS with a reason"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.name)
def test_a_sealed_example_is_of_its_schema_and_hides_all_that_is_marked(example: Example) -> None:
    version = example.version
    schema = generate(version)
    fact = version.model.model_validate_json(example.value)
    sealed = seal_fields(fact, KEY)
    document = json.loads(sealed.encode())
    Draft202012Validator(schema).validate(document)
    before, after = (personal(schema, one, schema) for one in (json.loads(fact.encode()), document))
    assert len(before) == len(after)
    for plain, hidden in zip(before, after, strict=True):
        text = hidden[SEALED] if isinstance(plain, dict) else hidden
        assert TOKEN.fullmatch(text)
        assert plain != hidden
    assert sealed.key() == fact.key()
    assert version.model.model_validate_json(sealed.encode()) == sealed
    assert read(sealed, KEY) == fact
    assert read(version.family.upcast(sealed, version.number), KEY) == version.family.upcast(fact, version.number)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file.name)
def test_both_readers_take_a_sealed_example_alike(example: Example) -> None:
    version = example.version
    if version.number != version.family.latest:
        return  # the quick reader takes the latest version alone
    sealed = seal_fields(version.model.model_validate_json(example.value), KEY)
    made = record(sealed)
    quick = QuickFacts(version.model).read(made.headers, made.value)
    assert quick is not None
    assert same(version.model.model_validate_json(made.value), quick[1])
    assert quick[1].key() == sealed.key()


@pytest.mark.parametrize("model", [one for one in READ_MODELS.values() if one.fact in {v.model for v in OF_PEOPLE}])
def test_a_row_of_a_sealed_fact_opens_to_the_row_of_the_plain_one(model: Any) -> None:
    fact = FACTS[model.name](7)
    place = Position("t", 0, 1, "e", None)
    plain, sealed = model.evolve(None, fact, place), model.evolve(None, seal_fields(fact, KEY), place)
    assert read(sealed, KEY) == plain
