"""What facts lead to: offers, listings and products that appeared or changed are matched; and a sweep for the rest."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Retry, Wait
from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.bus.session import first
from libs.commands.errors import FactRefused, ReadModelBehind
from libs.commands.unified import NotPossible
from libs.db.errors import DatabaseAway, NotMigrated
from libs.matching.embedding import EmbeddingUnavailable
from libs.projection.live_build import OtherVersion
from libs.telemetry.log import get_logger
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFER
from schemas.buy_offers.buy_offer_changed import BuyOfferChangedV1
from schemas.envelope import Envelope
from schemas.product_matches.product_match_changed import MatchedEntity
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.sell_listings.sell_listing_changed import SellListingChangedV1
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from schemas.unified_products.unified_product_changed import UnifiedProductChangedV1
from services.matcher.goods import Goods, Thing
from services.matcher.links import Links, decided, rejected

log = get_logger()

TOPICS = (PRODUCT.topic, OFFER.topic, LISTING.topic)
_WAIT = timedelta(seconds=2)
_NOT_NOW = (DatabaseAway, NotMigrated, KafkaAway, NotPublished, ReadModelBehind, OtherVersion, EmbeddingUnavailable)


@dataclass
class Matching:
    """Matches what is named, against all that is known. One at a time: the catalog's writes come one after another."""

    goods: Goods
    links: Links
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def on_facts(self, batch: Sequence[Received]) -> list[Outgoing]:
        """Facts of one row, oldest first: the last tells what it is now."""
        newest = batch[-1]
        try:
            async with self._turn:
                await self.goods.refresh()
                things = self._meant(newest)
                for thing in sorted(things):
                    await self.consider(thing, newest.envelope)
        except _NOT_NOW as error:
            raise Wait(f"nothing can be matched now: {type(error).__name__}: {error}", _WAIT) from error
        except (NotPossible, FactRefused) as error:
            raise Retry(f"the catalog refuses it: {error}", error_class=ErrorClass.POLICY) from error
        if not things:
            raise Ignore("nothing to match")
        return []

    async def consider(self, thing: Thing, cause: Envelope | None) -> bool:
        """Match one offer or listing anew, unless somebody has decided; whether anything changed."""
        known = await self.links.standing(thing)
        if decided(known):
            return False
        found = await asyncio.to_thread(self.goods.match, thing, rejected(known))
        if found is None:
            return False
        changed = await self.links.record(thing, found, cause)
        if changed:
            log.info(
                "matched",
                kind=str(thing.kind),
                number=thing.number,
                product=found.product_id,
                confidence=str(found.confidence),
                method=str(found.method),
                decision=str(found.decision),
                reason=found.reason,
            )
        return changed

    async def sweep(self, every_seconds: float, stop: asyncio.Event) -> None:
        """Now and then: what has no match yet is looked at, so that nothing that slipped through is lost."""
        while not stop.is_set():
            try:
                await self._sweep()
            except (*_NOT_NOW, NotPossible, FactRefused) as error:
                log.warning("the sweep was broken off", reason=f"{type(error).__name__}: {error}")
            await first(asyncio.sleep(every_seconds), until=(stop,))

    async def _sweep(self) -> None:
        async with self._turn:
            await self.goods.refresh()
        made = looked = 0
        for thing in sorted(self.goods.things):
            async with self._turn:
                if not await self.links.standing(thing):
                    looked += 1
                    made += await self.consider(thing, None)
        log.info("swept", without_match=looked, matched=made)

    def _meant(self, received: Received) -> set[Thing]:
        match received.fact:
            case UnifiedProductChangedV1() as product:
                return set() if product.deleted else self.goods.alike(product.unified_product_id)
            case BuyOfferChangedV1() as offer:
                return set() if offer.deleted else {Thing(MatchedEntity.BUY, offer.buy_offer_id)}
            case SellListingChangedV1() as listing:
                return set() if listing.deleted else {Thing(MatchedEntity.SELL, listing.sell_listing_id)}
        return set()
