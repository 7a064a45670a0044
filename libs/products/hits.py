"""Which of a search's hits is the product that a style code means.

StockX's own search is fuzzy: `DD1391-100` finds thirteen similar styles, popular ones first. So the first hit says
nothing. Of the hits, in this order:

| hit                                                | taken                                                         |
|----------------------------------------------------|---------------------------------------------------------------|
| the same code but for separators (HQ4276, HQ-4276) | always, the first of them                                     |
| the same but for O and 0, I and 1                  | if none is the same                                           |
| more than 0.8 similar                              | the most similar one, unless it is a neighbour in its range   |

DD1391-101 is 0.89 similar to DD1391-100 and another colourway: codes that differ in digits only, place by place, are
neighbours, and never one product.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from libs.matching.sku import LEAST, SHORTEST, normalised, same_but_for_lookalikes, similarity

_DIVIDED = re.compile(r"[/,;]")


class HasStyle(Protocol):
    """A product with a style code. StockX writes several codes of one product as `CW2288-111/315122-111`."""

    @property
    def style_id(self) -> str | None: ...


P = TypeVar("P", bound=HasStyle)


@dataclass(frozen=True, slots=True)
class Hit(Generic[P]):
    """The product that was meant. `similarity`: above 0.8, 1 where the codes are the same but for separators."""

    product: P
    similarity: float

    @property
    def exact(self) -> bool:
        return self.similarity == 1.0


def best_hit(sku: str, products: Iterable[P]) -> Hit[P] | None:
    """The product among a search's hits that a style code means; None if it is none of them."""
    rated = [(_rating(sku, each.style_id), each) for each in products]
    best = max(rated, key=lambda one: one[0], default=None)  # of equals the first: the search's own order
    return None if best is None or best[0][1] <= LEAST else Hit(best[1], best[0][1])


def exact_first(sku: str, products: Sequence[P]) -> list[P]:
    """The hits in their order, the one with exactly this style code in front."""
    hit = best_hit(sku, products)
    if hit is None or not hit.exact:
        return list(products)
    return [hit.product, *(each for each in products if each is not hit.product)]


def _rating(sku: str, style_id: str | None) -> tuple[int, float]:
    """Rank (2: the same, 1: a slip of the eye, 0: similar) and similarity; similarity 0 for another product."""
    return max((_rating_of(sku, code) for code in codes(style_id)), default=(0, 0.0))


def _rating_of(sku: str, code: str) -> tuple[int, float]:
    alike = similarity(sku, code)
    if alike == 1.0:
        return 2, alike
    if len(normalised(sku)) < SHORTEST or alike <= LEAST:
        return 0, 0.0
    if same_but_for_lookalikes(sku, code):
        return 1, alike
    return (0, 0.0) if _neighbours(normalised(sku), normalised(code)) else (0, alike)


def _neighbours(one: str, other: str) -> bool:
    return len(one) == len(other) and all(
        first == second or (first.isdigit() and second.isdigit()) for first, second in zip(one, other, strict=True)
    )


def codes(style_id: str | None) -> list[str]:
    """The style code as it is written, and each one of several."""
    whole = style_id or ""
    return [whole, *_DIVIDED.split(whole)] if _DIVIDED.search(whole) else [whole]
