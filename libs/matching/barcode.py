"""Barcodes of trade items: EAN, UPC and GTIN with their check digits, in one canonical form.

Source: GS1 General Specifications. GTIN-8, GTIN-12 (UPC-A), GTIN-13 (EAN-13) and GTIN-14 share one check digit, and
become one number by leading zeros; a restricted circulation number means something in one company only.
"""

import re
from dataclasses import dataclass

_LENGTHS = frozenset({8, 12, 13, 14})
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]")
_DIGITS = re.compile(r"[0-9]+")


class NotABarcode(ValueError):
    """The text is no GTIN: not digits, of no GTIN's length, or with a wrong check digit."""


@dataclass(frozen=True, slots=True)
class Gtin:
    """A trade item's number as 14 digits: UPC-A 194817794556 and EAN-13 0194817794556 are both 00194817794556."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> "Gtin":
        """Read a barcode; blanks and hyphens are allowed. Raise NotABarcode."""
        plain = _SEPARATORS.sub("", text)
        if not _DIGITS.fullmatch(plain):
            raise NotABarcode(f"{text[:40]!r} is no barcode: it must hold digits only.")
        if len(plain) not in _LENGTHS:
            raise NotABarcode(f"{text[:40]!r} has {len(plain)} digits; EAN, UPC and GTIN have 8, 12, 13 or 14.")
        expected = check_digit(plain[:-1])
        if int(plain[-1]) != expected:
            raise NotABarcode(f"{text[:40]!r} ends with {plain[-1]}; its check digit would be {expected}.")
        if not plain.strip("0"):
            raise NotABarcode("A barcode of zeros only names nothing.")
        return cls(plain.zfill(14))

    @property
    def restricted(self) -> bool:
        """Given by a shop or a company for itself (prefixes 02, 04, 2): it names different goods elsewhere."""
        if self.is_gtin8:
            return self.digits[6] in "02"
        return self.digits[1] == "2" or self.digits[1:3] in {"02", "04"}

    @property
    def is_gtin8(self) -> bool:
        return self.digits.startswith("000000")

    def __str__(self) -> str:
        return self.digits


def check_digit(digits: str) -> int:
    """The GS1 check digit of a number without it: weights 3 and 1 from the right, up to the next ten."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return -total % 10


def same_item(one: str, other: str) -> bool:
    """True if both are barcodes of one trade item that mean the same everywhere; False too if one is no barcode."""
    try:
        first, second = Gtin.parse(one), Gtin.parse(other)
    except NotABarcode:
        return False
    return first == second and not first.restricted
