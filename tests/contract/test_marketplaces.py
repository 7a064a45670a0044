"""What every marketplace of the catalogue must hold to. A new one is found by its folder and its line."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import libs.marketplaces
from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import Delivery, Notification
from tests.webhook_examples import Example, RecordedHttp, changed_texts, examples, fate

FOLDER = Path(libs.marketplaces.__file__).parent
TERMS = ("proof", "signed", "success", "deadline", "retries", "dedupe key")
ALL = [example for name in MARKETPLACES for example in examples(name)]
TAKEN = [example for example in ALL if example.notification is not None]


def test_every_folder_with_a_webhook_is_in_the_catalogue() -> None:
    assert sorted(path.parent.name for path in FOLDER.glob("*/webhook.py")) == sorted(MARKETPLACES)


@pytest.mark.parametrize("name", MARKETPLACES)
def test_the_readme_tells_the_contract(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert "\n## Webhooks\n" in text
    told = text.partition("\n## Webhooks\n")[2]
    assert [term for term in TERMS if f"| {term} " not in told] == []
    assert "Sources: " in told


@pytest.mark.parametrize("name", MARKETPLACES)
def test_the_contract_is_filled(name: str) -> None:
    contract = examples(name)[0].verifier().contract
    assert MARKETPLACES[name].name == contract.marketplace == name
    assert contract.answer.status in contract.success
    assert all(200 <= status < 300 for status in contract.success)
    assert contract.deadline.total_seconds() > 0
    assert contract.retries
    assert contract.max_body_bytes > 0
    assert contract.content_types
    assert [header for header in contract.kept_headers if header != header.lower()] == []


@pytest.mark.parametrize("name", MARKETPLACES)
def test_there_are_examples_that_are_taken_and_refused(name: str) -> None:
    assert {example.notification is None for example in examples(name)} == {True, False}


@pytest.mark.parametrize("example", ALL, ids=str)
async def test_an_example_has_its_fate(example: Example) -> None:
    assert await fate(example.verifier(), example.delivery) == (example.notification or example.refused)


@pytest.mark.parametrize("example", TAKEN, ids=str)
async def test_the_headers_that_prove_are_kept(example: Example) -> None:
    verifier = example.verifier()
    kept = {
        name: example.delivery.headers[name]
        for name in verifier.contract.kept_headers
        if name in example.delivery.headers
    }
    assert await fate(verifier, replace(example.delivery, headers=kept)) == example.notification


@pytest.mark.parametrize("example", TAKEN, ids=str)
async def test_one_changed_character_in_what_is_signed_is_refused(example: Example) -> None:
    verifier = example.verifier()
    for part in example.signed:
        for changed in _changed(example, part):
            if isinstance(changed, Delivery):
                outcome = await fate(verifier, changed)
            else:
                outcome = await fate(example.verifier(changed), example.delivery)
            assert not isinstance(outcome, Notification), f"{part} was changed: {changed}"
            assert outcome[0] in {401, 503}, f"{part} was changed: {changed}"


@pytest.mark.parametrize("example", [one for one in TAKEN if one.signed], ids=str)
async def test_a_delivery_without_its_proof_is_refused(example: Example) -> None:
    bare = replace(example.delivery, headers={"content-type": "application/json"})
    assert await fate(example.verifier(), bare) == (401, "bad_signature")


@pytest.mark.parametrize("example", TAKEN, ids=str)
async def test_another_account_in_the_url_is_refused(example: Example) -> None:
    assert await fate(example.verifier(), replace(example.delivery, account="somebody-else")) == (
        404,
        "unknown_account",
    )


@pytest.mark.parametrize("example", TAKEN, ids=str)
def test_an_account_name_that_stands_twice_is_refused_at_start(example: Example) -> None:
    entry = MARKETPLACES[example.marketplace]
    account = entry.account_settings.model_validate(example.settings)
    with pytest.raises(ValueError, match=r"twice|share"):
        entry.verifier([account, account], RecordedHttp())


@pytest.mark.parametrize("example", TAKEN, ids=str)
def test_secrets_are_not_shown(example: Example) -> None:
    account = MARKETPLACES[example.marketplace].account_settings.model_validate(example.settings)
    secrets = [
        value
        for name, told in example.settings.items()
        if name in {"secrets", "signature_keys", "path_secret", "client_secret", "verification_token"}
        for value in ([told] if isinstance(told, str) else told)
    ]
    assert [secret for secret in secrets if secret in repr(account)] == []


def _changed(example: Example, part: str) -> Iterator[Delivery | Mapping[str, Any]]:
    """The example with each character of a signed part changed in turn: the delivery, or the account's settings."""
    delivery = example.delivery
    where, _, name = part.partition(".")
    match where:
        case "body":
            for text in changed_texts(delivery.body.decode()):
                yield replace(delivery, body=text.encode())
        case "headers":
            for text in changed_texts(delivery.headers[name]):
                yield replace(delivery, headers={**delivery.headers, name: text})
        case "query":
            for text in changed_texts(delivery.query[name]):
                yield replace(delivery, query={**delivery.query, name: text})
        case "settings":
            value = example.settings[name]
            for end in ("x", "/", "?a"):
                yield {name: value + end}
            yield {name: value.replace("https://", "http://")}
        case _:
            raise ValueError(f"{example}: {part!r} is no part of a delivery")
