"""Which product an offer or a listing is: by barcode, else by style code, else by what its title says.

| method | confidence |
|---|---|
| `barcode` | 0.99: the same GTIN, valid everywhere |
| `sku` | 0.97 the same code but for separators and case; 0.90 but for O and 0 or I, L and 1; else at most 0.79 |
| `embedding` | the calibrated chance (`confidence.py`) of the best of the ten nearest titles |

Whatever the method, a match is left to a person (at most 0.79) where the titles contradict it (another size, pack or
capacity, an accessory), the brands differ, or another product fits as well. The most confident method is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from libs.matching.barcode import Gtin, NotABarcode
from libs.matching.confidence import LINKED_ABOVE, Band, Calibration, Decision, as_confidence, band, decision, shipped
from libs.matching.embedding import SentenceModel
from libs.matching.features import features
from libs.matching.index import VectorIndex
from libs.matching.sku import best, normalised
from libs.matching.title import TitleFacts, canonical, facts

SAME_BARCODE = Decimal("0.99")
SAME_CODE = Decimal("0.97")
LOOKALIKE_CODE = Decimal("0.90")
FOR_REVIEW = Decimal("0.79")
LEAST_TOLD = Decimal("0.20")
"""Titles less alike than this are no match at all."""
CANDIDATES = 10


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
        self._products = {product.id: product for product in products}
        self._facts = {product.id: facts(product.title) for product in self._products.values()}
        self._model = model
        self._calibration = calibration or shipped()
        self._by_gtin: dict[Gtin, list[int]] = {}
        self._by_code: dict[str, list[int]] = {}
        for product in self._products.values():
            if (gtin := _gtin(product.barcode)) is not None:
                self._by_gtin.setdefault(gtin, []).append(product.id)
            if product.sku and normalised(product.sku):
                self._by_code.setdefault(normalised(product.sku), []).append(product.id)
        self._index = VectorIndex()
        if model is not None and self._products:
            titles = [canonical(product.title) for product in self._products.values()]
            self._index.put(list(self._products), model.embed(titles))

    def match(self, item: Item) -> ProductMatch | None:
        """The product that the item most likely is; None if none is likely at all. Raise EmbeddingUnavailable."""
        said = facts(item.title)
        found = [each for each in (self._barcode(item, said), self._sku(item, said)) if each is not None]
        if not any(each.decision is Decision.LINK for each in found) and (by_title := self._title(item, said)):
            found.append(by_title)
        return max(found, key=lambda each: each.confidence, default=None)

    def _barcode(self, item: Item, said: TitleFacts) -> ProductMatch | None:
        gtin = _gtin(item.barcode)
        same = self._by_gtin.get(gtin, []) if gtin is not None else []
        return (
            self._judged(item, said, same, Method.BARCODE, SAME_BARCODE, f"the same barcode {gtin}") if same else None
        )

    def _sku(self, item: Item, said: TitleFacts) -> ProductMatch | None:
        found = best(item.sku, self._by_code) if item.sku else None
        if found is None:
            return None
        same = self._by_code[found.code]
        if found.exact:
            return self._judged(item, said, same, Method.SKU, SAME_CODE, f"the same code {found.code}")
        if found.lookalike:
            return self._judged(
                item, said, same, Method.SKU, LOOKALIKE_CODE, f"the code {found.code} but for lookalikes"
            )
        confidence = min(FOR_REVIEW, as_confidence(found.similarity))
        return self._judged(item, said, same, Method.SKU, confidence, f"a similar code, {found.code}")

    def _title(self, item: Item, said: TitleFacts) -> ProductMatch | None:
        if self._model is None or not self._products:
            return None
        vector = self._model.embed([canonical(item.title)])[0]
        chances = sorted(
            (
                (-self._calibration.chance(features(said, self._facts[near], cosine)), near)
                for near, cosine in self._index.nearest(vector, CANDIDATES)
            )
        )
        confidence, product = as_confidence(-chances[0][0]), chances[0][1]
        if confidence < LEAST_TOLD:
            return None
        also = [near for chance, near in chances[1:] if as_confidence(-chance) > LINKED_ABOVE]
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


def _gtin(barcode: str | None) -> Gtin | None:
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
