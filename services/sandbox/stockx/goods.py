"""Products and variants made from the seed, those of the documents among them."""

from dataclasses import dataclass
from typing import Any

from services.sandbox.seeded import Stream, chance, stream, uuid

_BRANDS = ("Nike", "Jordan", "adidas", "New Balance", "ASICS", "Puma", "Salomon", "Converse")
_MODELS = ("Dunk Low Retro", "Air Force 1 Low", "Campus 00s", "Samba OG", "990v6", "Gel-Kayano 14", "XT-6", "Chuck 70")
_NAMES = ("Panda", "Bred", "Löwe", "Café", "University Blue", "Triple White", "Sashiko", "Año Nuevo", "Pine Green")
_COLOURS = ("White", "Black", "Focus Blue", "Cloud White", "Sail", "Gum", "Coconut Milk", "Fir", "University Red")
_SNEAKERS = tuple(f"{half / 2:g}" for half in range(7, 29))
_APPAREL = ("XS", "S", "M", "L", "XL", "XXL")
FAMILY = 8
"""So many products share a style code's beginning: a fuzzy search for one finds the others."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A size; `size` None for what has none."""

    id: str
    name: str
    size: str | None
    gtin: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product; `popularity` from 0 to 1 lifts it in searches."""

    id: str
    url_key: str
    style_id: str | None
    kind: str
    title: str
    brand: str
    gender: str | None
    release_date: str | None
    retail: int | None
    colorway: str | None
    popularity: float
    variants: tuple[Variant, ...]


_DOCUMENTED: tuple[dict[str, Any], ...] = (
    {
        "id": "fa671f11-b94d-4596-a4fe-d91e0bd995a0",
        "url_key": "adidas-reptossage-hook-and-loop-slides-yu-gi-oh-blue-eyes-white-dragon",
        "style_id": "HQ4276",
        "title": "adidas Reptossage Hook-And-Loop Slides Yu-Gi-Oh! Blue Eyes White Dragon",
        "brand": "adidas",
        "release_date": "2023-04-01",
        "retail": 55,
        "colorway": "Focus Blue/Cloud White/Glow Blue",
    },
    {
        "id": "5e6a1e57-1c7d-435a-82bd-5666a13560fe",
        "url_key": "nike-dunk-low-retro-white-black-2021",
        "style_id": "DD1391-100",
        "title": "Nike Dunk Low Retro White Black Panda",
        "brand": "Nike",
        "release_date": "2021-03-10",
        "retail": 115,
        "colorway": "White/Black",
    },
    {"id": "8a34f2c1-9b4d-4321-a1fe-e82d9bd123a0", "style_id": "DZ5485-612"},
    {"id": "3f45a1b2-8c3d-4219-b2ef-d91f8cd456b1", "style_id": "FB9922-101"},
)


def product(seed: int, number: int) -> Product:
    """The product with this number; the first four have the documents' ids and style ids."""
    dice = stream(seed, f"stockx product {number}")
    made = _made(seed, number, dice)
    if number < len(_DOCUMENTED):
        made |= _DOCUMENTED[number]
    variants = tuple(_variants(dice, made["url_key"], made["kind"]))
    return Product(**made, variants=variants)


def _made(seed: int, number: int, dice: Stream) -> dict[str, Any]:
    family = stream(seed, f"stockx family {number // FAMILY}")
    letters = "".join(family.choice("ABCDFHJQ") for _ in range(2))
    code = f"{letters}{family.randint(1000, 9999)}-{100 + number % FAMILY}"
    brand, model = family.choice(_BRANDS), family.choice(_MODELS)
    name, colours = dice.choice(_NAMES), dice.sample(_COLOURS, 2)
    kind = dice.choices(("sneakers", "streetwear", "collectibles"), (85, 10, 5))[0]
    title = f"{brand} {model} {name}"
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    return {
        "id": uuid(dice),
        "url_key": f"{plain}-{number}",
        "style_id": None if chance(dice, 0.03) else code,
        "kind": kind,
        "title": title,
        "brand": brand,
        "gender": dice.choice(("men", "women", "unisex", None)),
        "release_date": f"20{dice.randint(15, 25)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}",
        "retail": None if chance(dice, 0.1) else 5 * dice.randint(10, 60),
        "colorway": "/".join(colours),
        "popularity": dice.random(),
    }


def _variants(dice: Stream, url_key: str, kind: str) -> list[Variant]:
    sizes: tuple[str | None, ...] = {"sneakers": _SNEAKERS, "streetwear": _APPAREL}.get(kind, (None,))
    return [
        Variant(uuid(dice), f"{url_key}:{place}", size, _gtin(dice) if chance(dice, 0.9) else None)
        for place, size in enumerate(sizes)
    ]


def _gtin(dice: Stream) -> str:
    """Twelve digits, the last one the check digit of a UPC."""
    digits = [dice.randint(0, 9) for _ in range(11)]
    total = 3 * sum(digits[::2]) + sum(digits[1::2])
    return "".join(map(str, [*digits, -total % 10]))
