"""What eBay told becomes facts: only what is new or changed is published, and remembered in the same transaction.

A transaction holds the run (a zombie publishes nothing) and the account (its runs and notifications take turns). If it
is lost after the publishing, the same is published again by whoever goes on: facts are whole states, so it is harmless.

Answers are stored in another order than eBay gave them: a run's page may wait while a notification leads to a look at
one of its SKUs. So every answer carries when it was asked for; one that is older than what is known changes nothing.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from libs.bus.publisher import Publisher
from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database
from libs.marketplaces.ebay import translate
from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.translate import Owner
from libs.marketplaces.ebay.values import EbayPayload
from schemas.envelope import Envelope
from schemas.inventory.inventory_changed import InventoryChangedV1
from schemas.offers.offer_changed import OfferChangedV1
from services.ebay_sync import known
from services.ebay_sync.journal import hold
from services.ebay_sync.known import Published
from services.ebay_sync.projected import LogPlace
from services.ebay_sync.publishing import publish_all
from services.ebay_sync.run import Run

NOTIFICATION = "notification"
"""In the place of a run's id: it was published because of a notification."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A SKU's offers as eBay told them, and when it was asked."""

    offers: Sequence[Offer]
    asked_at: datetime


@dataclass(slots=True)
class Taken:
    """What became of an answer: where this run's facts stand, by their keys, and how many things were as before."""

    inventory: dict[str, LogPlace] = field(default_factory=dict)
    offers: dict[str, LogPlace] = field(default_factory=dict)
    unchanged: int = 0


class Stock:
    """An account's items and offers, as one run (or one notification, the `cause`) takes them in.

    Raises LostLease, DatabaseAway, NotPublished.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        owner: Owner,
        run: Run | None = None,
        cause: Envelope | None = None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._owner = owner
        self._run = run
        self._by = run.run_id if run is not None else NOTIFICATION
        self._cause = cause

    async def take_items(self, items: Iterable[InventoryItem], asked_at: datetime) -> Taken:
        """Items that eBay told in one answer. What this run has published before counts as published, not unchanged."""
        told = {item.sku: item for item in items}
        hashes = {sku: self._hash(item) for sku, item in told.items()}
        account, taken = self._owner.account, Taken()
        async with self._turn() as connection:
            before = await known.items(connection, account, told)
            changed: list[str] = []
            for sku, digest in hashes.items():
                old = before.get(sku)
                if old is not None and (old.seen_at > asked_at or (old.hash == digest and not old.gone)):
                    if old.published_by == self._by:
                        taken.inventory[self._key(sku)] = old.place
                    else:
                        taken.unchanged += 1
                else:
                    changed.append(sku)
            facts = await known.item_facts(connection, account, changed)
            new = [self._item_fact(told[sku], facts.get(sku), asked_at) for sku in changed]
            places = await publish_all(self._publisher, new, self._cause)
            published = [Published(fact, hashes[fact.sku], place) for fact, place in zip(new, places, strict=True)]
            await known.keep_items(connection, self._by, asked_at, published)
            await known.seen(connection, account, told, asked_at)
        taken.inventory |= {one.fact.key(): one.place for one in published}
        return taken

    async def take_offers(self, answers: Mapping[str, Answer]) -> Taken:
        """The offers of SKUs, by SKU: all that each of them has. Those that are not among them any more are marked."""
        account, run_id, taken = self._owner.account, self._by, Taken()
        async with self._turn() as connection:
            items = await known.items(connection, account, answers)
            stale = {sku for sku, item in items.items() if _is_later(item.offers_asked_at, answers[sku].asked_at)}
            taken.unchanged += sum(len(answers[sku].offers) for sku in stale)
            answers = {sku: answer for sku, answer in answers.items() if sku not in stale}
            hashes = {sku: (self._hash(answer.offers), answer.asked_at) for sku, answer in answers.items()}
            items = {sku: item for sku, item in items.items() if sku in answers}
            same = [sku for sku, item in items.items() if item.offers_hash == hashes[sku][0]]
            mine = await known.places_by(connection, account, same, run_id)
            taken.offers |= {self._key(offer_id): place for offer_id, place in mine.items()}
            taken.unchanged += sum(len(answers[sku].offers) for sku in same) - len(mine)
            rest = [sku for sku in answers if sku not in set(same)]
            new, hashed, gone = await self._compared(connection, {sku: answers[sku] for sku in rest}, taken)
            stock = await self._with_offers(connection, {sku: answers[sku] for sku in rest})
            places = await publish_all(self._publisher, [*new, *gone, *stock], self._cause)
            of_new, of_gone = places[: len(new)], places[len(new) : len(new) + len(gone)]
            of_stock = places[len(new) + len(gone) :]
            await known.keep_offers(connection, run_id, _published(new, hashed, of_new), gone=False)
            await known.keep_offers(connection, run_id, _published(gone, hashed, of_gone), gone=True)
            await known.rewrite_items(connection, list(zip(stock, of_stock, strict=True)), gone=False)
            await known.asked_for_offers(connection, account, hashes)
        taken.offers |= {fact.key(): place for fact, place in zip(new, of_new, strict=True)}
        taken.inventory |= {fact.key(): place for fact, place in zip(stock, of_stock, strict=True)}
        return taken

    async def take_disappearance(self, skus: Sequence[str], noticed_at: datetime) -> Taken:
        """SKUs that eBay no longer has; their offers went with them."""
        account, run_id = self._owner.account, self._by
        async with self._turn() as connection:
            before = await known.items(connection, account, skus)
            present = {sku for sku, item in before.items() if not item.gone and item.seen_at <= noticed_at}
            facts = await known.item_facts(connection, account, present)
            offers = [one for one in (await known.offers_of(connection, account, present)).values() if not one.gone]
            items = [translate.disappeared(fact, noticed_at) for fact in facts.values()]
            lost = [translate.disappeared(one.fact, noticed_at) for one in offers]
            places = await publish_all(self._publisher, [*items, *lost], self._cause)
            hashed = {one.fact.key(): one.hash for one in offers}
            of_items, of_lost = places[: len(items)], places[len(items) :]
            await known.rewrite_items(connection, list(zip(items, of_items, strict=True)), run_id, gone=True)
            await known.keep_offers(connection, run_id, _published(lost, hashed, of_lost), gone=True)
        return Taken(
            {fact.key(): place for fact, place in zip(items, of_items, strict=True)},
            {fact.key(): place for fact, place in zip(lost, of_lost, strict=True)},
        )

    async def suspect_unlisted(self) -> None:
        """There is a listing that is not known: the next incremental offers run looks for it."""
        async with self._turn() as connection:
            await known.suspect_unlisted(connection, self._owner.account)

    async def _compared(
        self, connection: Connection, answers: Mapping[str, Answer], taken: Taken
    ) -> tuple[list[OfferChangedV1], dict[str, bytes], list[OfferChangedV1]]:
        """The offers that are new or changed, the hashes of all, and those that have disappeared."""
        before = await known.offers_of(connection, self._owner.account, answers)
        told = {offer.offer_id: (offer, answer) for answer in answers.values() for offer in answer.offers}
        hashed = {one.fact.key(): one.hash for one in before.values()}
        new: list[OfferChangedV1] = []
        for offer_id, (offer, answer) in told.items():
            old, digest = before.get(offer_id), self._hash(offer)
            if old is not None and old.hash == digest and not old.gone:
                if old.published_by == self._by:
                    taken.offers[old.fact.key()] = old.place
                else:
                    taken.unchanged += 1
                continue
            asked_at = answer.asked_at if old is None else max(answer.asked_at, old.fact.updated_at)
            fact = translate.offer_changed(self._owner, offer, asked_at)
            hashed[fact.key()] = digest
            new.append(fact)
        gone = [
            translate.disappeared(one.fact, answers[one.sku].asked_at)
            for one in before.values()
            if one.offer_id not in told and not one.gone
        ]
        return new, hashed, gone

    async def _with_offers(self, connection: Connection, answers: Mapping[str, Answer]) -> list[InventoryChangedV1]:
        """The states of the SKUs that these offers change."""
        changed: list[InventoryChangedV1] = []
        for sku, fact in (await known.item_facts(connection, self._owner.account, answers)).items():
            if fact.disappeared_at is not None:
                continue
            answer = answers[sku]
            asked_at = max(answer.asked_at, fact.updated_at)
            item = InventoryItem.read(fact.raw)
            new = translate.inventory_changed(self._owner, item, translate.summaries(answer.offers), asked_at)
            if new.model_copy(update={"updated_at": fact.updated_at}) != fact:
                changed.append(new)
        return changed

    def _item_fact(
        self, item: InventoryItem, before: InventoryChangedV1 | None, asked_at: datetime
    ) -> InventoryChangedV1:
        known_offers = before.offers if before and before.disappeared_at is None else []
        offers = translate.with_embedded(item, known_offers)
        at = asked_at if before is None else max(asked_at, before.updated_at)
        return translate.inventory_changed(self._owner, item, offers, at)

    def _hash(self, told: EbayPayload | Sequence[EbayPayload]) -> bytes:
        return known.hash_of(told, self._owner.user_id)

    def _key(self, identity: str) -> str:
        return f"{translate.MARKETPLACE}:{self._owner.account}:{identity}"

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Connection]:
        async with self._database.transaction() as connection:
            await lock_in_transaction(connection, f"ebay_sync {self._owner.account}")
            if self._run is not None:  # only now: while it is held, neither STOP nor the run's own lines are written
                await hold(connection, self._run)
            yield connection


def _is_later(known_at: datetime | None, asked_at: datetime) -> bool:
    """Whether what is known was asked for after this answer."""
    return known_at is not None and known_at > asked_at


def _published(
    facts: Sequence[OfferChangedV1], hashed: Mapping[str, bytes], places: Sequence[LogPlace]
) -> list[Published[OfferChangedV1]]:
    return [Published(fact, hashed[fact.key()], place) for fact, place in zip(facts, places, strict=True)]
