"""inventory and offers: the row is the newest fact's state, and knows when the first one came."""

from typing import Any

import pytest

from libs.projection.model import Refused
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from schemas.event import Fact
from tests.facts import at, offer, stock
from tests.logs import located

both = pytest.mark.parametrize(("model", "fact"), [(INVENTORY, stock), (OFFERS, offer)], ids=["inventory", "offers"])


def after(model: Any, *facts: tuple[Fact, int, str]) -> Any:
    row = None
    for one in facts:
        found = located(*one)
        row = model.evolve(row, found.fact, found.position)
    return row


@both
def test_a_later_look_replaces_the_row_and_keeps_its_creation(model: Any, fact: Any) -> None:
    row = after(model, (fact(1, 1), 0, "a"), (fact(1, 2), 1, "b"))
    assert (row.rec_created, row.rec_updated, row.updated_at) == (at(1), at(2), at(2))
    assert (row.event_id, row.log_offset) == ("b", 1)


@both
def test_an_older_look_and_a_repeated_fact_change_nothing(model: Any, fact: Any) -> None:
    row = after(model, (fact(1, 2), 0, "b"))
    assert after(model, (fact(1, 2), 0, "b"), (fact(1, 1), 1, "a"), (fact(1, 2), 2, "b")) == row


@both
def test_the_same_number_at_two_accounts_is_two_rows(model: Any, fact: Any) -> None:
    other = fact(1).model_copy(update={"account": "other"})
    assert after(model, (fact(1), 0, "a")).key != after(model, (other, 0, "a")).key


@both
def test_what_disappeared_is_marked_and_keeps_its_last_state(model: Any, fact: Any) -> None:
    gone = fact(1, 2).model_copy(update={"disappeared_at": at(2)})
    row = after(model, (fact(1, 1), 0, "a"), (gone, 1, "b"))
    assert row.disappeared_at == at(2)
    assert row.price_value is not None


def test_the_listing_id_is_the_first_offers_and_none_without_offers() -> None:
    assert after(INVENTORY, (stock(1, offers=("UNPUBLISHED", "PUBLISHED")), 0, "a")).ebay_listing_id == "580"
    row = after(INVENTORY, (stock(1, offers=()), 0, "a"))
    assert (row.ebay_listing_id, row.ebay_status) == (None, "UNKNOWN")


def test_a_quantity_that_no_column_holds_is_refused() -> None:
    with pytest.raises(Refused, match="quantity is beyond 64 bits"):
        after(INVENTORY, (stock(1, quantity=2**63), 0, "a"))
