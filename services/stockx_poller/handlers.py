"""Commands that come as facts: kept as those over HTTP are, each once, under the id that its sender gave it.

| the fact                                                       | its fate                                     |
|----------------------------------------------------------------|----------------------------------------------|
| a change of a listing of an account of ours                    | kept; the account's work is woken            |
| the same one again                                             | nothing more happens                         |
| of another marketplace                                         | ignored                                      |
| of an account that is not ours                                 | dead letter (policy)                         |
| one that cannot be: a creation without a price, an id that was | dead letter (contract)                       |
| used for another command, …                                    |                                              |
| PostgreSQL is away                                             | waits                                        |
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Wait
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.marketplaces.stockx.translate import MARKETPLACE
from schemas.event import Fact
from schemas.listing_commands.listing_change_requested import EVENT, ListingChange, ListingChangeRequestedV1
from schemas.registry import summary
from services.stockx_poller import commands
from services.stockx_poller.commands import IdTaken, NewCommand
from services.stockx_poller.messages import ListingChangeBody, ListingPath, NewListingBody, changed, created
from services.stockx_poller.situation import Kind

TOPICS = (EVENT.topic,)
_AGAIN = timedelta(seconds=5)
_ACTIVE = {ListingChange.ACTIVATE: True, ListingChange.DEACTIVATE: False}


class Inbox:
    """Takes commands for these accounts. `wake` is told the account of a new one."""

    def __init__(self, database: Database, accounts: Collection[str], wake: Callable[[str], None]) -> None:
        self._database = database
        self._accounts = accounts
        self._wake = wake

    async def on_records(self, records: Sequence[Received]) -> list[Outgoing]:
        """Keep the commands about one listing, in their order. Raises a fate of libs.bus.outcome."""
        for record in records:
            await HANDLERS[type(record.fact)](self, record.fact)
        return []

    async def on_listing_change_requested(self, fact: ListingChangeRequestedV1) -> None:
        if fact.marketplace != MARKETPLACE:
            raise Ignore(f"a listing at {fact.marketplace} is not ours to change")
        if fact.account not in self._accounts:
            raise Reject(f"there is no StockX account {fact.account!r} here", ErrorClass.POLICY)
        try:
            new = command_of(fact)
        except ValidationError as error:
            raise Reject(f"the command cannot be: {summary(error)}", ErrorClass.CONTRACT) from None
        try:
            await commands.keep_under_its_id(self._database, new, fact.id)
        except IdTaken as error:
            raise Reject(str(error), ErrorClass.CONTRACT) from None
        except (DatabaseAway, NotMigrated) as error:
            raise Wait(str(error), _AGAIN) from error
        self._wake(fact.account)


HANDLERS: Mapping[type[Fact], Callable[[Inbox, Any], Awaitable[None]]] = {
    ListingChangeRequestedV1: Inbox.on_listing_change_requested,
}


def command_of(fact: ListingChangeRequestedV1) -> NewCommand:
    """The command that a fact asks for, checked as one over HTTP is; raises pydantic.ValidationError."""
    price = fact.price
    told: dict[str, object] = {"expires_at": fact.expires_at}
    told |= {"amount": str(price.amount), "currency_code": price.currency} if price is not None else {}
    if fact.kind is ListingChange.CREATE:
        body = NewListingBody.model_validate(
            {**told, "variant_id": fact.variant_id, "active": fact.active, "inventory_type": fact.inventory_type},
        )
        return NewCommand(fact.account, fact.requested_by, Kind.CREATE, created(body), variant_id=body.variant_id)
    listing_id = ListingPath.model_validate({"listing_id": fact.listing_id}).listing_id
    if fact.kind is ListingChange.DELETE:
        return NewCommand(fact.account, fact.requested_by, Kind.DELETE, changed(None), listing_id=listing_id)
    change = ListingChangeBody.model_validate({**told, "active": _ACTIVE.get(fact.kind)})
    return NewCommand(fact.account, fact.requested_by, Kind(fact.kind), changed(change), listing_id=listing_id)
