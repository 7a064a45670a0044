"""Matches in the catalog: made, renewed, and left alone where a person has decided.

| of an offer or a listing there is                      | then                                               |
|--------------------------------------------------------|----------------------------------------------------|
| a match that a person (or the publisher) has made sure | nothing: it is decided                             |
| a match with this product that a person has rejected   | nothing: it is not that one                        |
| a match that the system made before                    | it becomes the new one; the system's others go     |

Above 0.8 a match links: a listing then belongs to the product (`unifiedProductId`). At 0.8 and below it waits for a
person: GET /productMatches/review. The rows are the documented ones: a person's word is `matchMethod` manual, with
confidence 1 (approved) or 0 (rejected).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from libs.commands.command import Command
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.change import CREATE, DELETE, UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.finding import rows
from libs.entities.sequences import Sequences
from libs.matching.confidence import Decision, decision
from libs.matching.match import ProductMatch
from libs.read_models.entities import read_model
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFER
from schemas.entity import Entity
from schemas.envelope import Envelope
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.product_matches.product_match_changed import MatchedEntity
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from services.matcher.goods import Thing

BY_THE_SYSTEM = frozenset({"barcode", "sku", "embedding"})
"""Methods of matches that may be renewed; whatever else stands there was somebody's decision."""


@dataclass(frozen=True)
class Links:
    """Reads and writes the matches of one offer or listing."""

    database: Database
    commands: Commands
    sequences: Sequences
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def standing(self, thing: Thing) -> list[Any]:
        """Its matches, as far as they can be read now."""
        async with self.database.connection() as connection:
            return await _matches(connection, thing)

    async def record(self, thing: Thing, found: ProductMatch, cause: Envelope | None) -> bool:
        """Let a match be what the catalog says; whether anything changed."""
        for entity in (MATCH, LISTING):
            await self.sequences.of(entity)

        async def work(command: Command) -> bool:
            for entity in sorted((OFFER, MATCH, LISTING, PRODUCT), key=lambda one: one.topic):
                await command.whole(read_model(entity))
            known = await _matches(command.connection, thing)
            if decided(known) or found.product_id in rejected(known):
                return False
            changed = await self._match(command, thing, found, known)
            if decision(found.confidence) is Decision.LINK and thing.kind is MatchedEntity.SELL:
                changed |= await self._link(command, thing.number, found.product_id)
            return changed

        return await self.commands.run(work, cause=cause)

    async def _match(self, command: Command, thing: Thing, found: ProductMatch, known: list[Any]) -> bool:
        told = {"confidence": found.confidence, "match_method": str(found.method)}
        mine = [row for row in known if row.match_method in BY_THE_SYSTEM]
        same = next((row for row in known if row.unified_product_id == found.product_id), None)
        changes = [Change(DELETE, row.product_match_id) for row in mine if row is not same]
        if same is None:
            key = {"unified_product_id": found.product_id, "entity_type": thing.kind, "entity_id": thing.number}
            changes.append(Change(CREATE, fields=key | told))
        elif any(getattr(same, name) != value for name, value in told.items()):
            changes.append(Change(UPDATE, same.product_match_id, told))
        if changes:
            await self._decide(command, MATCH, changes)
        return bool(changes)

    async def _link(self, command: Command, listing_id: int, product_id: int) -> bool:
        row: Any = await command.row(read_model(LISTING), str(listing_id))
        if row is None or row.deleted or row.unified_product_id == product_id:
            return False
        await self._decide(command, LISTING, [Change(UPDATE, listing_id, {"unified_product_id": product_id})])
        return True

    async def _decide(self, command: Command, entity: Entity, changes: list[Change]) -> None:
        await decide(command, entity, changes, await self.sequences.of(entity), self.now())


def decided(matches: list[Any]) -> bool:
    """Whether somebody has said what it is."""
    return any(_somebody_s(row) and decision(row.confidence) is Decision.LINK for row in matches)


def rejected(matches: list[Any]) -> set[int]:
    """The products that somebody has said it is not."""
    return {
        row.unified_product_id for row in matches if _somebody_s(row) and decision(row.confidence) is not Decision.LINK
    }


def _somebody_s(row: Any) -> bool:
    return row.match_method not in BY_THE_SYSTEM


async def _matches(connection: Any, thing: Thing) -> list[Any]:
    return await rows(connection, MATCH, entity_type=str(thing.kind), entity_id=thing.number)
