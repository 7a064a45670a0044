"""The catalog: all products, and a search that is fuzzy as StockX's is."""

from collections.abc import Sequence
from functools import cached_property

from services.sandbox.stockx.goods import Product, Variant, product

RELEVANT = 0.25
_POPULAR = 0.5


class Catalogue:
    """`size` products, made when the first one is asked for."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed = seed
        self.size = size

    @cached_property
    def products(self) -> dict[str, Product]:
        made = (product(self._seed, number) for number in range(self.size))
        return {each.id: each for each in made}

    @cached_property
    def variants(self) -> dict[str, tuple[Product, Variant]]:
        return {variant.id: (each, variant) for each in self.products.values() for variant in each.variants}

    @cached_property
    def by_gtin(self) -> dict[str, tuple[Product, Variant]]:
        return {variant.gtin: (each, variant) for each, variant in self.variants.values() if variant.gtin}

    def variant(self, variant_id: str) -> tuple[Product, Variant] | None:
        return self.variants.get(variant_id)

    def search(self, query: str) -> Sequence[Product]:
        """What StockX would show, the best first: similar styles and titles, and popular ones before exact ones."""
        if query.strip() in self.by_gtin:
            return [self.by_gtin[query.strip()][0]]
        scored = [(_relevance(query, each), each) for each in self.products.values()]
        found = [(score + _POPULAR * each.popularity, each) for score, each in scored if score >= RELEVANT]
        return [each for _, each in sorted(found, key=lambda one: (-one[0], one[1].id))]


def _relevance(query: str, told: Product) -> float:
    """From 0 to 1: how alike the style codes are, or how many of the words are the product's."""
    style = _likeness(_plain(query), _plain(told.style_id or ""))
    words = query.lower().split()
    known = {*f"{told.title} {told.colorway}".lower().replace("/", " ").split()}
    hits = sum(word in known for word in words) / len(words) if words else 0.0
    return max(style, hits if hits > 0.5 else 0.0)


def _likeness(one: str, other: str) -> float:
    first, second = _trigrams(one), _trigrams(other)
    return len(first & second) / len(first | second) if first and second else 0.0


def _trigrams(text: str) -> set[str]:
    return {text[place : place + 3] for place in range(len(text) - 2)}


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
