"""Which pages to read for the states of listings, and what a state proves. No I/O."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.stockx.batch import BatchKind
from libs.marketplaces.stockx.listing import Listing
from services.stockx_poller.command import Command, Wants
from services.stockx_poller.narrowing import MOST_NAMES, Place, readings
from services.stockx_poller.shown import can_show, shows
from services.stockx_poller.situation import Kind
from tests.unit.marketplaces import stockx_answers

BEFORE = datetime(2021, 1, 1, tzinfo=UTC)

places = st.lists(
    st.builds(
        Place,
        listing_id=st.uuids().map(str),
        variant_id=st.none() | st.sampled_from("vwxyz"),
        batch_id=st.none() | st.sampled_from("ab"),
    ),
    unique_by=lambda each: each.listing_id,
    max_size=60,
)
counts = st.dictionaries(st.sampled_from("vwxyzab"), st.integers(0, 2_000))


@given(places, counts, counts)
def test_every_listing_is_on_one_reading_and_none_costs_more_than_asking_for_each(
    wanted: list[Place], variants: dict[str, int], batches: dict[str, int]
) -> None:
    found = readings(wanted, variants, batches)
    assert Counter(each for way in found for each in way.listing_ids) == Counter(each.listing_id for each in wanted)
    assert sum(way.calls for way in found) <= len(wanted)
    assert all(
        len(way.chosen.variant_ids) + len(way.chosen.batch_ids) <= MOST_NAMES for way in found if way.chosen is not None
    )


def test_listings_that_a_batch_made_are_read_five_pages_for_five_hundred() -> None:
    wanted = [Place(str(number), f"v{number % 12}", "b") for number in range(500)]
    variants = {f"v{number}": 200 for number in range(12)}
    (way,) = readings(wanted, variants, {"b": 500})
    assert (way.calls, way.chosen.batch_ids if way.chosen else None) == (5, ("b",))
    hundred = [Place(str(number), f"v{number}", "b") for number in range(100)]
    (way,) = readings(hundred, {}, {"b": 500})
    assert way.calls == 1, "by a hundred variants, if nothing else is listed of them"
    assert way.chosen is not None
    assert len(way.chosen.variant_ids) == 100


def test_one_listing_is_asked_for_by_itself() -> None:
    (way,) = readings([Place("one", "v", None)], {"v": 150}, {})
    assert (way.chosen, way.calls) == (None, 1)


def command(kind: Kind, before: datetime | None = BEFORE, **wants: Any) -> Command:
    return Command(
        id="c",
        account="acme",
        user_id="7",
        kind=kind,
        listing_id="98e2e748-8000-45bf-a624-5531d6a68318",
        variant_id=None,
        wants=Wants(**wants),
        status="pending",
        attempts=1,
        sent_at=BEFORE,
        batch_no="b",
        item_id=None,
        operation_id=None,
        fact=None,
        before=before,
    )


def state(**changes: Any) -> Listing:
    told = json.loads(json.dumps({**stockx_answers.LISTING, **changes}), parse_float=Decimal)
    return Listing.read(told)


def test_a_state_that_is_as_wanted_and_new_proves_a_command() -> None:
    active = state(status="ACTIVE", amount="300")
    assert shows(active, command(Kind.UPDATE, amount=Decimal(300)))
    assert shows(active, command(Kind.ACTIVATE))
    assert shows(active, command(Kind.ACTIVATE, amount=Decimal("300.00"), currency_code="USD"))
    ask = {"askId": "1", "askExpiresAt": "2030-01-01T00:00:00.000Z"}
    expiring = command(Kind.UPDATE, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert shows(state(ask=ask), expiring)
    assert not shows(state(ask=None), expiring), "an inactive listing does not tell when it expires"


@pytest.mark.parametrize(
    "given_command",
    [
        command(Kind.UPDATE, amount=Decimal(301)),
        command(Kind.UPDATE, amount=Decimal(300), currency_code="EUR"),
        command(Kind.UPDATE, expires_at=datetime(2030, 1, 1, tzinfo=UTC)),
        command(Kind.DEACTIVATE),
        command(Kind.DELETE),
        command(Kind.UPDATE, before=None, amount=Decimal(300)),
        command(Kind.UPDATE, before=datetime.now(UTC) + timedelta(days=1), amount=Decimal(300)),
    ],
    ids=["amount", "currency", "expiry", "still active", "still there", "not known before", "not changed since"],
)
def test_anything_else_proves_nothing(given_command: Command) -> None:
    assert not shows(state(status="ACTIVE", amount="300"), given_command)


def test_only_updates_of_known_listings_are_told_by_states() -> None:
    known, unknown = command(Kind.UPDATE), command(Kind.ACTIVATE, before=None)
    assert can_show(BatchKind.UPDATE, [known, known])
    assert not can_show(BatchKind.UPDATE, [known, unknown])
    assert not can_show(BatchKind.DELETE, [known])
