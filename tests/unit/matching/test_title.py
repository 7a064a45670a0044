"""What a title says in so many words."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.matching.features import NAMES, features
from libs.matching.title import canonical, facts


def compared(one: str, other: str) -> dict[str, float]:
    return dict(zip(NAMES, features(facts(one), facts(other), 1.0).tolist(), strict=True))


def test_measures_are_read_with_their_units_in_both_languages() -> None:
    said = facts('Monitor Samsung 27" QHD 165Hz, paquete de 2, 3.50 lb, 128 GB')
    assert said.measures == {
        "inch": {"27"}, "hertz": {"165"}, "pieces": {"2"}, "lb": {"3.5"}, "bytes": {"128"},
    }  # fmt: skip
    assert facts("Pañales talla 3, 136 piezas").measures == {"size": {"3"}, "pieces": {"136"}}
    assert facts("Nike Dunk US 9.5").measures == {"size": {"9.5"}}


def test_colours_are_one_in_both_languages_and_half_the_same_is_not_the_same() -> None:
    assert facts("negro").colours == facts("Black").colours == {"black"}
    assert compared("White Green shoe", "white grey shoe")["colour_differs"] == 1
    assert compared("White shoe", "white grey shoe")["colour_differs"] == 0


def test_silence_is_no_conflict() -> None:
    found = compared("iPhone 15 128GB Black", "iPhone 15")
    assert not [name for name, value in found.items() if name.endswith(("differs", "differ")) and value]


def test_sizes_generations_packs_variants_codes_and_accessories_differ() -> None:
    for one, other, name in (
        ("iPhone 15 128GB", "iPhone 15 256GB", "measure_differs"),
        ("iPhone 15 128GB", "iPhone 14 128GB", "numbers_differ"),
        ("HERO12 Black", "Hero 11 Black", "numbers_differ"),
        ("MacBook Air M2", "MacBook Air M3", "designation_differs"),
        ("Apple Watch Series 9", "Apple Watch S8", "designation_differs"),
        ("Galaxy S24", "Galaxy S24 Ultra", "variants_differ"),
        ("Sony WH-1000XM5", "Sony WH1000XM4", "code_differs"),
        ("iPhone 15", "Funda para iPhone 15", "part_differs"),
    ):
        assert compared(one, other)[name] >= 1, (one, other)
    assert compared("Sony WH-1000XM5", "Sony WH1000XM5")["code_same"] == 1


def test_what_comes_with_a_product_does_not_make_it_an_accessory() -> None:
    assert not facts("AirPods Pro with MagSafe Case").parts
    assert facts("Case for AirPods Pro").parts


def test_sellers_words_are_read_as_one() -> None:
    assert canonical("Audífonos Inalámbricos") == "headphones inalambricos"
    assert canonical('AUDÍFONOS inalámbrico 13"') == "headphones wireless 13 inch "


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.floats(-1, 1))
def test_any_two_titles_can_be_compared_in_either_order(one: str, other: str, cosine: float) -> None:
    there, back = features(facts(one), facts(other), cosine), features(facts(other), facts(one), cosine)
    assert np.allclose(there, back)
    assert np.isfinite(there).all()
