"""What there is to match: products, and the offers and listings that may be one of them; kept up from the read models.

Each process keeps all of it in memory (1.5 kB a title), and reads what has changed before it decides anything: so
several processes of this service share the work and know the same.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from libs.db.pool import Database
from libs.matching.evidence import of_listing, of_page, of_product
from libs.matching.index import VectorIndex
from libs.matching.match import Item, Matcher, ProductMatch, trade_number
from libs.matching.sku import normalised
from libs.matching.title import facts
from libs.read_models.entities import read_model
from libs.read_models.reads import SCHEMA
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFER
from schemas.entity import Entity
from schemas.product_matches.product_match_changed import MatchedEntity
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from services.matcher.vectors import TitleVectors

ALIKE = 20
"""So many of the offers and listings nearest to a changed product are looked at again."""

_OVERLAP = timedelta(minutes=2)
"""A row's time is that of its decision; it can be read a little later."""
_AT_ONCE = 500
_EVER = datetime(1, 1, 1, tzinfo=UTC)


class Thing(NamedTuple):
    """A buy offer or a sell listing, as product matches name it."""

    kind: MatchedEntity
    number: int

    @property
    def place(self) -> int:
        """Its id in the index."""
        return 2 * self.number + (self.kind is MatchedEntity.SELL)

    @classmethod
    def at(cls, place: int) -> "Thing":
        return cls(MatchedEntity.SELL if place % 2 else MatchedEntity.BUY, place // 2)


@dataclass(frozen=True, slots=True)
class _Source:
    entity: Entity
    kind: MatchedEntity | None
    """None: products."""


_SOURCES = (
    _Source(PRODUCT, None),
    _Source(OFFER, MatchedEntity.BUY),
    _Source(LISTING, MatchedEntity.SELL),
)


class Goods:
    """Products, offers and listings, and which of them may be the same."""

    def __init__(self, database: Database, vectors: TitleVectors) -> None:
        self._database = database
        self._vectors = vectors
        self._products = Matcher((), vectors.model)
        self._things: dict[Thing, Any] = {}
        self._index = VectorIndex()
        self._by_name: defaultdict[str, set[Thing]] = defaultdict(set)  # by barcodes and codes that they tell
        self._names: dict[Thing, set[str]] = {}
        self._seen: dict[str, datetime] = {}

    async def refresh(self) -> None:
        """Take in what has changed since the last time. Raises DatabaseAway, EmbeddingUnavailable."""
        for source in _SOURCES:
            since = self._seen.get(source.entity.topic, _EVER)
            newest = since
            for rows in await self._changed(source.entity, since):
                await self._take(source.kind, rows)
                newest = max(newest, *(row.updated_at for row in rows))
            self._seen[source.entity.topic] = newest

    @property
    def things(self) -> list[Thing]:
        """All offers and listings."""
        return list(self._things)

    def product(self, number: int) -> Item | None:
        return self._products.product(number)

    def match(self, thing: Thing, but: Iterable[int]) -> ProductMatch | None:
        """The product that it most likely is, of those that it is not known not to be."""
        if thing not in self._things:
            return None
        vector = self._index.vector(thing.place) if thing.place in self._index else None
        return self._products.match(self._item(thing), but={*but}, vector=vector)

    def alike(self, product_id: int) -> set[Thing]:
        """The offers and listings that a changed product may be."""
        product = self._products.product(product_id)
        if product is None:
            return set()
        found: set[Thing] = set()
        for name in (str(trade_number(product.barcode) or ""), normalised(product.sku or "")):
            found |= self._by_name.get(name, set())
        if (vector := self._products.vector(product_id)) is not None:
            found |= {Thing.at(place) for place, _ in self._index.nearest(vector, ALIKE)}
        return found

    def _item(self, thing: Thing) -> Item:
        row = self._things[thing]
        if thing.kind is MatchedEntity.BUY:
            return of_page(thing.number, row.product_url, self._products)
        return of_listing(thing.number, row.title, self._products, row.channel_item_id)

    async def _take(self, kind: MatchedEntity | None, rows: list[Any]) -> None:
        if kind is None:
            items = [
                of_product(row.unified_product_id, row.brand, row.model, row.title, row.ean_upc, row.attributes_json)
                for row in rows
            ]
            vectors = await self._vectors.of([item.title for item in items])
            for row, item, vector in zip(rows, items, vectors, strict=True):
                if row.deleted:
                    self._products.remove(item.id)
                else:
                    self._products.put(item, vector)
            return
        entity = OFFER if kind is MatchedEntity.BUY else LISTING
        things = {Thing(kind, getattr(row, entity.id_field)): row for row in rows}
        for thing, row in things.items():
            self._forget(thing)
            if not row.deleted:
                self._things[thing] = row
        read = {thing: self._item(thing) for thing, row in things.items() if not row.deleted}
        rows_of = await self._vectors.of([item.title for item in read.values()])
        for (thing, item), vector in zip(read.items(), rows_of, strict=True):
            self._names[thing] = _names(item)
            for name in self._names[thing]:
                self._by_name[name].add(thing)
            if vector is not None:
                self._index.put([thing.place], vector[np.newaxis])

    def _forget(self, thing: Thing) -> None:
        self._things.pop(thing, None)
        self._index.remove(thing.place)
        for name in self._names.pop(thing, set()):
            self._by_name[name].discard(thing)

    async def _changed(self, entity: Entity, since: datetime) -> list[list[Any]]:
        model = read_model(entity)
        async with self._database.connection() as connection:
            found = await connection.fetch(
                f"SELECT {', '.join(model.columns)} FROM {SCHEMA}.{model.name} "  # noqa: S608  (declared names)
                "WHERE updated_at > $1 ORDER BY updated_at",
                since - _OVERLAP if since > _EVER else since,
            )
        rows = [model.row_of(record) for record in found]
        return [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]


def _names(item: Item) -> set[str]:
    """The barcode and the codes that an offer or a listing tells, as they are compared."""
    gtin = trade_number(item.barcode)
    told = {normalised(code) for code in facts(item.title).codes}
    return (told | {str(gtin)} if gtin is not None else told) - {""}
