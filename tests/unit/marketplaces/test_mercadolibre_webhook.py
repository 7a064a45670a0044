"""MercadoLibre: whose notification it is, and which deliveries are the same."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from libs.marketplaces.contract import Notification, UnknownAccount
from libs.marketplaces.mercadolibre.webhook import MercadoLibreAccount, MercadoLibreWebhook
from tests.webhook_examples import example, fate

BASE = example("mercadolibre", "orders_v2__first_attempt")


def account(name: str, *users: int, application_id: int = 7, **more: Any) -> MercadoLibreAccount:
    return MercadoLibreAccount.model_validate(
        {"account": name, "user_ids": users, "application_id": application_id, **more}
    )


async def told(
    verifier: MercadoLibreWebhook | None = None, later: float = 0, named: str | None = None, **fields: Any
) -> Notification | tuple[int, str]:
    """The fate of a notification with these fields, sent to an account of users 1 and 2 under application 7."""
    payload = {"_id": "x", "topic": "orders_v2", "resource": "/orders/1", "user_id": 1, "application_id": 7, **fields}
    body = json.dumps({name: value for name, value in payload.items() if value != "absent"}).encode()
    at = BASE.delivery.received_at + timedelta(seconds=later)
    delivery = replace(BASE.delivery, body=body, received=at.timestamp(), account=named)
    return await fate(verifier or MercadoLibreWebhook([account("main", 1, 2)]), delivery)


async def identity(later: float = 0, **fields: Any) -> str:
    outcome = await told(later=later, **fields)
    assert isinstance(outcome, Notification)
    return outcome.delivery_id


async def test_the_account_is_found_by_user_and_application() -> None:
    verifier = MercadoLibreWebhook([account("a", 1, 2), account("b", 3), account("c", 1, application_id=8)])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"user_id": 2}, "a"),
        ({"user_id": "3"}, "b"),
        ({"user_id": 1, "application_id": "8"}, "c"),
    ]
    for fields, name in cases:
        outcome = await told(verifier, **fields)
        assert isinstance(outcome, Notification)
        assert outcome.account == name
        assert await told(verifier, named=name, **fields) == outcome


async def test_an_account_in_the_url_takes_no_other_accounts_users() -> None:
    verifier = MercadoLibreWebhook([account("a", 1), account("b", 3)])
    assert await told(verifier, named="b", user_id=1) == (404, "unknown_account")


def test_two_accounts_cannot_share_a_user() -> None:
    with pytest.raises(ValueError, match="a and b share user 1"):
        MercadoLibreWebhook([account("a", 1), account("b", 1)])


@pytest.mark.parametrize("user", [True, 1.0, "1.0", "-1", "", " 1", "١", None, [1], {"id": 1}, "1" * 40])
async def test_a_user_that_is_no_number_is_a_bad_payload(user: object) -> None:
    assert await told(user_id=user) == (400, "bad_payload")


@pytest.mark.parametrize("field", ["topic", "resource", "user_id", "application_id"])
@pytest.mark.parametrize("value", ["absent", None, "", "a\nb"])
async def test_the_fields_that_name_it_must_be_there(field: str, value: Any) -> None:
    assert await told(**{field: value}) == (400, "bad_payload")


@pytest.mark.parametrize(
    ("resource", "kept"),
    [
        ("/orders/1", "/orders/1"),
        ("orders/1", "/orders/1"),
        ("//orders/1", "/orders/1"),
        (1, "/1"),
        ("/users/1/items?x=1", "/users/1/items?x=1"),
    ],
)
async def test_a_resource_has_one_form(resource: object, kept: str) -> None:
    outcome = await told(resource=resource)
    assert isinstance(outcome, Notification)
    assert (outcome.resource, outcome.subject) == (kept, f"1:{kept}")


@pytest.mark.parametrize("resource", ["/", "///", "x" * 300, ["/orders/1"]])
async def test_a_resource_that_names_nothing_is_refused(resource: object) -> None:
    assert await told(resource=resource) == (400, "bad_payload")


async def test_retries_are_one_delivery() -> None:
    assert await identity(attempts=1) == await identity(attempts=2, received="later", later=600) == "x"
    assert await identity(_id="absent", id="y") == await identity(_id=None, id="y", later=9) == "y"
    assert await identity(_id=5) == "5"


async def test_without_an_id_the_time_of_sending_tells_deliveries_apart() -> None:
    first = await identity(_id="absent", sent="2026-06-05T21:44:02.627Z")
    assert first == await identity(_id="absent", sent="2026-06-05T21:44:02.627Z", attempts=3, later=600)
    others = [
        await identity(_id="absent", sent="2026-06-05T21:44:02.628Z"),
        await identity(_id="absent", sent="2026-06-05T21:44:02.627Z", resource="/orders/2"),
        await identity(_id="absent", sent="2026-06-05T21:44:02.627Z", topic="orders feedback"),
        await identity(_id="absent", sent="2026-06-05T21:44:02.627Z", user_id=2),
        await identity(_id="absent", recieved="2026-06-05T21:44:02.627Z"),
    ]
    assert len({first, *others}) == 6


async def test_without_any_time_each_arrival_is_a_delivery_of_its_own() -> None:
    assert await identity(_id="absent") != await identity(_id="absent", later=0.001)


@pytest.mark.parametrize("value", [["x"], {"a": 1}, True, "x" * 257])
async def test_an_identity_that_is_no_identifier_is_refused(value: object) -> None:
    assert await told(_id=value) == (400, "bad_payload")


async def test_topics_that_are_not_known_are_taken_in_unless_topics_are_configured() -> None:
    assert isinstance(await told(topic="something new"), Notification)
    verifier = MercadoLibreWebhook([account("main", 1, topics=["orders_v2", "orders-feedback"])])
    assert isinstance(await told(verifier, topic="orders feedback"), Notification)
    assert await told(verifier, topic="something new") == (404, "unknown_topic")


async def test_a_secret_that_nobody_configured_is_no_url_of_ours() -> None:
    delivery = replace(BASE.delivery, account="main", secret="anything")
    assert await fate(BASE.verifier(), delivery) == (404, "unknown_account")


async def test_a_stranger_does_not_learn_what_was_right() -> None:
    verifier = MercadoLibreWebhook([account("open", 1), account("closed", 2, path_secret="x" * 16)])
    texts = set()
    for named, secret, user in [
        ("nobody", None, 1),
        ("open", None, 3),
        ("open", "y" * 16, 1),
        ("closed", None, 2),
        ("closed", "y" * 16, 2),
        ("closed", "x" * 16, 1),
        (None, None, 2),
        (None, None, 3),
    ]:
        body = json.dumps({"_id": "x", "topic": "t", "resource": "/r/1", "user_id": user, "application_id": 7}).encode()
        with pytest.raises(UnknownAccount) as refused:
            verifier.verify(replace(BASE.delivery, body=body, account=named, secret=secret))
        texts.add(refused.value.detail)
    assert len(texts) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"user_ids": []},
        {"user_ids": [0]},
        {"application_id": None},
        {"path_secret": "short"},
        {"topics": []},
        {"secret": "unknown setting"},
        {"account": "with/slash"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MercadoLibreAccount.model_validate({"account": "a", "user_ids": [1], "application_id": 7, **settings})
