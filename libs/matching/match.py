"""Which product an offer or a listing is: by barcode, else by style code, else by what its title says.

| method | confidence |
|---|---|
| `barcode` | 0.99: the same GTIN, valid everywhere |
| `sku` | 0.97 the same code but for separators and case; 0.90 but for O and 0 or I, L and 1; else at most 0.79 |
| `embedding` | the calibrated chance (`confidence.py`) of the best of the ten nearest titles |

Whatever the method, a match is left to a person (at most 0.79) where the titles contradict it (another size, pack or
capacity, an accessory), the brands differ, or another product fits as well. The most confident method is told.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import numpy as np

from libs.matching.barcode import Gtin, NotABarcode
from libs.matching.confidence import LINKED_ABOVE, Band, Calibration, Decision, as_confidence, band, decision, shipped
from libs.matching.embedding import SentenceModel, Vectors
from libs.matching.features import features
from libs.matching.index import VectorIndex
from libs.matching.sku import best, normalised, resembles
from libs.matching.title import TitleFacts, canonical, facts

SAME_BARCODE = Decimal("0.99")
SAME_CODE = Decimal("0.97")
LOOKALIKE_CODE = Decimal("0.90")
FOR_REVIEW = Decimal("0.79")
LEAST_TOLD = Decimal("0.20")
"""Titles less alike than this are no match at all."""
CANDIDATES = 10

K = TypeVar("K", Gtin, str)


class Method(StrEnum):
    """The document's `matchMethod`, as far as the system makes matches itself."""

    BARCODE = "barcode"
    SKU = "sku"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Item:
    """A product of the catalogue, or a marketplace's offer or listing. The title may have attributes behind it."""

    id: int
    title: str
    brand: str | None = None
    sku: str | None = None
    barcode: str | None = None


@dataclass(frozen=True, slots=True)
class ProductMatch:
    """The product found, as POST /productMatches records it, with the reason in words."""

    product_id: int
    confidence: Decimal
    method: Method
    reason: str

    @property
    def band(self) -> Band:
        return band(self.confidence)

    @property
    def decision(self) -> Decision:
        return decision(self.confidence)


class Matcher:
    """The catalogue's products, ready to be matched. Without a model there is no matching by title."""

    def __init__(
        self, products: Iterable[Item], model: SentenceModel | None, calibration: Calibration | None = None
    ) -> None:
        self._products: dict[int, Item] = {}
        self._facts: dict[int, TitleFacts] = {}
        self._model = model
        self._calibration = calibration or shipped()
        self._by_gtin: dict[Gtin, list[int]] = {}
        self._by_code: dict[str, list[int]] = {}
        self._index = VectorIndex()
        for product in products:
            self.put(product)

    def put(self, product: Item, vector: Vectors | None = None) -> None:
        """Add a product, or what it is now. `vector`: that of its canonical title, where it is known already."""
        known = self._products.get(product.id)
        if known == product:
            return
        self._forget(product.id)
        self._products[product.id] = product
        self._facts[product.id] = facts(product.title)
        if (gtin := trade_number(product.barcode)) is not None:
            self._by_gtin.setdefault(gtin, []).append(product.id)
        if product.sku and normalised(product.sku):
            self._by_code.setdefault(normalised(product.sku), []).append(product.id)
        if self._model is not None and (known is None or known.title != product.title or vector is not None):
            row = vector if vector is not None else self._model.embed([canonical(product.title)])[0]
            self._index.put([product.id], row[np.newaxis])

    def remove(self, product_id: int) -> None:
        """Forget a product, if it is known."""
        self._forget(product_id)
        self._index.remove(product_id)

    def product(self, product_id: int) -> Item | None:
        return self._products.get(product_id)

    def vector(self, product_id: int) -> Vectors | None:
        """The vector of a product's title; None without a model, or without that product."""
        return self._index.vector(product_id) if product_id in self._index else None

    def knows_code(self, code: str) -> bool:
        """Whether a product has exactly this code."""
        return normalised(code) in self._by_code

    def resembles_code(self, code: str) -> bool:
        """Whether a product has a code that is more similar to it than `LEAST`."""
        return resembles(code, self._by_code.keys())

    def match(self, item: Item, *, but: Collection[int] = (), vector: Vectors | None = None) -> ProductMatch | None:
        """The product that the item most likely is; None if none is likely at all. Raise EmbeddingUnavailable.

        `but`: products that it is known not to be. `vector`: as in `put`, of the item's title.
        """
        said = facts(item.title)
        found = [each for each in (self._barcode(item, said, but), self._sku(item, said, but)) if each is not None]
        if not any(each.decision is Decision.LINK for each in found) and (
            by_title := self._title(item, said, but, vector)
        ):
            found.append(by_title)
        return max(found, key=lambda each: each.confidence, default=None)

    def _forget(self, product_id: int) -> None:
        """All but the vector, which may stay."""
        known = self._products.pop(product_id, None)
        if known is None:
            return
        del self._facts[product_id]
        if (gtin := trade_number(known.barcode)) is not None:
            _drop(self._by_gtin, gtin, product_id)
        if known.sku and normalised(known.sku):
            _drop(self._by_code, normalised(known.sku), product_id)

    def _barcode(self, item: Item, said: TitleFacts, but: Collection[int]) -> ProductMatch | None:
        gtin = trade_number(item.barcode)
        same = [each for each in self._by_gtin.get(gtin, []) if each not in but] if gtin is not None else []
        return (
            self._judged(item, said, same, Method.BARCODE, SAME_BARCODE, f"the same barcode {gtin}") if same else None
        )

    def _sku(self, item: Item, said: TitleFacts, but: Collection[int]) -> ProductMatch | None:
        found = best(item.sku, self._by_code) if item.sku else None
        same = [each for each in self._by_code[found.code] if each not in but] if found is not None else []
        if found is None or not same:
            return None
        if found.exact:
            return self._judged(item, said, same, Method.SKU, SAME_CODE, f"the same code {found.code}")
        if found.lookalike:
            return self._judged(
                item, said, same, Method.SKU, LOOKALIKE_CODE, f"the code {found.code} but for lookalikes"
            )
        confidence = min(FOR_REVIEW, as_confidence(found.similarity))
        return self._judged(item, said, same, Method.SKU, confidence, f"a similar code, {found.code}")

    def _title(self, item: Item, said: TitleFacts, but: Collection[int], vector: Vectors | None) -> ProductMatch | None:
        if self._model is None:
            return None
        asked = vector if vector is not None else self._model.embed([canonical(item.title)])[0]
        near = [each for each in self._index.nearest(asked, CANDIDATES + len(but)) if each[0] not in but]
        chances = sorted(
            (-self._calibration.chance(features(said, self._facts[each], cosine)), each)
            for each, cosine in near[:CANDIDATES]
        )
        if not chances or as_confidence(-chances[0][0]) < LEAST_TOLD:
            return None
        confidence, product = as_confidence(-chances[0][0]), chances[0][1]
        also = [each for chance, each in chances[1:] if as_confidence(-chance) > LINKED_ABOVE]
        reason = f"the title is that of {self._products[product].title!r}"
        return self._judged(item, said, [product, *also], Method.EMBEDDING, confidence, reason)

    def _judged(
        self, item: Item, said: TitleFacts, products: list[int], method: Method, confidence: Decimal, reason: str
    ) -> ProductMatch:
        doubts = _doubts(item, said, self._products[products[0]], self._facts[products[0]])
        if len(products) > 1:
            doubts.append(f"products {', '.join(map(str, products[1:]))} fit as well")
        if doubts:
            return ProductMatch(products[0], min(confidence, FOR_REVIEW), method, f"{reason}; but {'; '.join(doubts)}")
        return ProductMatch(products[0], confidence, method, reason)


def _drop(places: dict[K, list[int]], key: K, product_id: int) -> None:
    places[key].remove(product_id)
    if not places[key]:
        del places[key]


def trade_number(barcode: str | None) -> Gtin | None:
    """A barcode that means the same everywhere; None for none, a wrong one, or one of a shop's own."""
    try:
        gtin = Gtin.parse(barcode) if barcode else None
    except NotABarcode:
        return None
    return None if gtin is None or gtin.restricted else gtin


def _doubts(item: Item, said: TitleFacts, product: Item, known: TitleFacts) -> list[str]:
    doubts = [
        f"{measure} is {_told(said.measures[measure])}, not {_told(known.measures[measure])}"
        for measure in sorted(said.measures.keys() & known.measures.keys())
        if not said.measures[measure] & known.measures[measure]
    ]
    if said.parts != known.parts:
        doubts.append("one is an accessory")
    if item.brand and product.brand and normalised(item.brand) != normalised(product.brand):
        doubts.append(f"the brand is {item.brand!r}, not {product.brand!r}")
    return doubts


def _told(values: frozenset[str]) -> str:
    return " or ".join(sorted(values))
