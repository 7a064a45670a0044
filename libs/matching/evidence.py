"""What a product, a listing or a supplier's page says that can be matched, read from the catalog's texts.

| of                | title                       | code                         | barcode                 |
|-------------------|-----------------------------|------------------------------|-------------------------|
| a unified product | title and attributes        | model                        | `ean_upc`               |
| a sell listing    | title                       | one of the title: see `Codes`| in the title, item's id |
| a buy offer       | the words of its page's URL | as above, of those words     | in the URL              |

A buy offer has no title of its own; what is no URL is read as its words. Of digits in free text only 12 to
14 with a right check digit count as a barcode.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from libs.matching.match import Item, trade_number
from libs.matching.title import facts

_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9]{12,14}(?![0-9A-Za-z])")
_SEPARATORS = re.compile(r"[-_+/.~]+")
_NUMBER = re.compile(r"[0-9]{5,}")
_NOT_WORDS = frozenset(
    {"ip", "p", "dp", "gp", "product", "products", "item", "items", "itm", "html", "htm", "buy", "shop"}
)
_LONGEST_VALUE = 60


class Codes(Protocol):
    """The products' codes. Of a title's codes the first that a product has counts, else the first like a product's."""

    def knows_code(self, code: str) -> bool:
        """Whether a product has exactly this code."""
        ...

    def resembles_code(self, code: str) -> bool:
        """Whether a product has a code that is more similar to it than `libs.matching.sku.LEAST`."""
        ...


def of_product(number: int, brand: str, model: str, title: str, barcode: str, attributes: Mapping[str, Any]) -> Item:
    """A product of the catalog. Attributes that are short texts or numbers stand behind its title."""
    values = [
        str(value) for value in attributes.values() if isinstance(value, str | int) and not isinstance(value, bool)
    ]
    told = " ".join([title, *(value for value in values if len(value) <= _LONGEST_VALUE)])
    return Item(number, told, brand or None, model or None, barcode or None)


def of_listing(number: int, title: str, known: Codes, item_id: str = "") -> Item:
    """A listing at a marketplace; some marketplaces' item ids are trade numbers."""
    return Item(number, title, None, _code(title, known), _barcode(f"{title} {item_id}"))


def of_page(number: int, url: str, known: Codes) -> Item:
    """A supplier's page by its URL: the words of its path, and numbers in its query."""
    path, query = _parts(url)
    words = [word for word in _SEPARATORS.sub(" ", unquote_plus(path)).split() if word.lower() not in _NOT_WORDS]
    title = " ".join(word for word in words if not _NUMBER.fullmatch(word))
    numbers = " ".join([*words, *(value for _, value in parse_qsl(query))])
    return Item(number, title, None, _code(title, known), _barcode(numbers))


def _parts(url: str) -> tuple[str, str]:
    """Path and query. Anybody may write anything into productUrl, and one offer must not keep all others unmatched."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is not closed, a host that is none
        return url, ""
    return parts.path, parts.query


def _code(title: str, known: Codes) -> str | None:
    """The first code of a title, in the alphabet, that a product has; else the first like one that a product has."""
    codes = sorted(facts(title).codes)
    exact = next((code for code in codes if known.knows_code(code)), None)
    return exact or next((code for code in codes if known.resembles_code(code)), None)


def _barcode(text: str) -> str | None:
    return next((found for found in _DIGITS.findall(text) if trade_number(found) is not None), None)
