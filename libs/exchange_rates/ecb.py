"""The European Central Bank's reference rates as it publishes them: eurofxref-daily.xml and eurofxref-hist-90d.xml.

Both are a gesmes envelope around one `Cube` with a `Cube time="…"` per day, which holds `Cube currency="…" rate="…"`.
A rate says how much of the currency one euro is. Reading is strict: a file that is not exactly this says that something
changed at the source, and a guess would misprice everything.

Source: the bank's page "Euro foreign exchange reference rates", section "For developers".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NoReturn
from xml.etree import ElementTree

DAILY = "/stats/eurofxref/eurofxref-daily.xml"
NINETY_DAYS = "/stats/eurofxref/eurofxref-hist-90d.xml"
LARGEST_BYTES = 32 * 1024 * 1024
"""The whole history since 1999 has about 8 MB."""

_GESMES = "{http://www.gesmes.org/xml/2002-08-01}"
_ECB = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}"
_CUBE = f"{_ECB}Cube"
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Malformed(ValueError):
    """The document is not the bank's file as it is documented; it is not used at all."""


@dataclass(frozen=True, slots=True)
class DailyRates:
    """One day's rates: how much of each currency one euro is. The euro itself is not among them."""

    day: date
    per_euro: Mapping[str, Decimal]


def parse(document: bytes) -> list[DailyRates]:
    """The days of a file, newest first; raise Malformed."""
    if len(document) > LARGEST_BYTES:
        raise Malformed(f"The file has {len(document)} bytes; the bank's have at most {LARGEST_BYTES}.")
    root = _tree(document)
    _expect(root, f"{_GESMES}Envelope", 3)
    subject, sender, outer = root
    _expect(subject, f"{_GESMES}subject", 0, "Reference rates")
    _expect(sender, f"{_GESMES}Sender", 1)
    _expect(sender[0], f"{_GESMES}name", 0, "European Central Bank")
    if outer.tag != _CUBE or outer.attrib or not len(outer):
        raise Malformed("The file holds no days: there is no Cube of Cubes.")
    days = [_day(cube) for cube in outer]
    if len({each.day for each in days}) != len(days):
        raise Malformed("The file holds a day twice.")
    return sorted(days, key=lambda each: each.day, reverse=True)


class _NoDoctype(ElementTree.TreeBuilder):
    """A document type could define entities that grow without end."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> NoReturn:
        raise Malformed(f"The file declares a document type ({name}); the bank's do not.")


def _tree(document: bytes) -> ElementTree.Element:
    parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314  (without a document type there are no entities)
    try:
        parser.feed(document)
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as error:
        raise Malformed(f"The file is not well-formed XML: {error}.") from None
    return root


def _expect(element: ElementTree.Element, tag: str, children: int, text: str | None = None) -> None:
    if element.tag != tag or len(element) != children or (text is not None and (element.text or "").strip() != text):
        raise Malformed(f"Where the file should have {tag}{f' with {text!r}' if text else ''}, it has {element.tag}.")


def _day(cube: ElementTree.Element) -> DailyRates:
    if cube.tag != _CUBE or set(cube.attrib) != {"time"} or not len(cube):
        raise Malformed(f"A day must be a Cube with a time and rates; there is {cube.tag} with {dict(cube.attrib)}.")
    day = _date(cube.attrib["time"])
    rates: dict[str, Decimal] = {}
    for each in cube:
        currency, rate = _rate(each, day)
        if currency in rates:
            raise Malformed(f"{day} holds {currency} twice.")
        rates[currency] = rate
    return DailyRates(day, rates)


def _date(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise Malformed(f"There is no day {text!r}.") from None
    raise Malformed(f"A day must be written as YYYY-MM-DD, not {text!r}.")


def _rate(cube: ElementTree.Element, day: date) -> tuple[str, Decimal]:
    if cube.tag != _CUBE or set(cube.attrib) != {"currency", "rate"} or len(cube):
        raise Malformed(f"{day}: a rate must be a Cube with currency and rate; there is {dict(cube.attrib)}.")
    currency, rate = cube.attrib["currency"], cube.attrib["rate"]
    if not _CURRENCY.fullmatch(currency) or currency == "EUR":
        raise Malformed(f"{day}: {currency!r} is no currency that has a rate to the euro.")
    if not _RATE.fullmatch(rate) or not Decimal(rate):
        raise Malformed(f"{day}: the rate of {currency} is {rate!r}; it must be a number above zero.")
    return currency, Decimal(rate)
