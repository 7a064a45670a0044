"""From what stood in a request to a delivery: nothing ambiguous about it, and only the headers that matter.

Refused here, before anything is verified: a wrong type or a compressed body 415, and headers or query parameters that
stand twice or are not plain text 400.
"""

from collections.abc import Mapping
from email.message import Message
from typing import Final
from urllib.parse import parse_qsl

from libs.bus.batch_writer import field
from libs.marketplaces.contract import Contract, Refused
from libs.marketplaces.delivery import Delivery
from libs.printable import is_visible
from schemas.webhooks.webhook_received import HTTP_HEADER_PREFIX

_MOST_KEPT_HEADER: Final = 8 * 1024
_MOST_TYPES = 64
_MOST_PARAMETERS = 100
_TYPE: Final = b"content-type"
_ENCODING: Final = b"content-encoding"


class Reception:
    """Reads the deliveries of one marketplace."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        names = dict.fromkeys((*contract.kept_headers, *contract.read_headers))
        self._read = [
            (
                name.encode(),
                name,
                field(f"{HTTP_HEADER_PREFIX}{name}".encode()) if name in contract.kept_headers else None,
            )
            for name in names
        ]
        self._good_types: set[bytes] = set()

    def read(
        self,
        headers: dict[bytes, bytes],
        doubled: frozenset[bytes],
        query: bytes,
        body: bytes,
        account: str | None,
        secret: str | None,
        received: float,
    ) -> tuple[Delivery, list[bytes]]:
        """The delivery, and its headers that are kept with the event, encoded; raise Refused. Names are lower case.

        What stands twice or is not plain text, and does not matter, is left out: nothing may be proved by it.
        """
        if doubled or _ENCODING in headers or headers.get(_TYPE) not in self._good_types:
            self._check_type(headers, doubled)
        some_doubled = bool(doubled)
        texts: dict[str, str] = {}
        kept: list[bytes] = []
        for raw_name, name, kept_name in self._read:
            value = headers.get(raw_name)
            if value is None:
                continue
            text = value.decode("latin-1")
            plain = len(value) <= _MOST_KEPT_HEADER and is_visible(value)  # what nearly all are
            twice = some_doubled and raw_name in doubled
            if twice or not (plain or _is_plain(text)):
                if kept_name is not None:
                    raise _bad_header(name, twice=twice)
                continue
            texts[name] = text
            if kept_name is not None:
                kept.append(kept_name + field(value))
        return Delivery(body, texts, query_of(query) if query else {}, account, secret, received), kept

    def _check_type(self, headers: dict[bytes, bytes], doubled: frozenset[bytes]) -> None:
        encoding = headers.get(_ENCODING)
        if encoding is not None and encoding.strip().lower() != b"identity":
            raise Refused(415, "encoded", "The body must not be compressed: its signature is over the bytes as sent.")
        for name in (_TYPE, _ENCODING):
            if name in doubled:
                raise _bad_header(name.decode(), twice=True)
        told = headers.get(_TYPE, b"")
        text = told.decode("latin-1")
        if not _is_plain(text):
            raise _bad_header("content-type", twice=False)
        check_type(text, self._contract)
        if len(self._good_types) < _MOST_TYPES:
            self._good_types.add(told)


def check_type(content_type: str, contract: Contract) -> None:
    """Raise Refused unless the body is of a type that the marketplace sends, in UTF-8."""
    header = Message()
    header["Content-Type"] = content_type
    expected = " or ".join(sorted(contract.content_types))
    if not content_type or header.get_content_type() not in contract.content_types:
        raise Refused(415, "wrong_type", f"The Content-Type must be {expected}.")
    charset = header.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.strip().lower() not in {"utf-8", "utf8"}:
        raise Refused(415, "wrong_charset", "The charset must be utf-8.")


def query_of(raw: bytes) -> Mapping[str, str]:
    """Query parameters by name; raise Refused."""
    try:
        given = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Refused(400, "bad_query", "The query has too many parameters, or is not plain text.") from None
    query = dict(given)
    if len(query) != len(given):
        raise Refused(400, "bad_query", "A query parameter stands twice.")
    return query


def _is_plain(text: str) -> bool:
    """ASCII without controls; a tab may stand inside (RFC 9110, section 5.5)."""
    printable = text.isprintable() or text.replace("\t", " ").isprintable()
    return printable and text.isascii() and len(text) <= _MOST_KEPT_HEADER


def _bad_header(name: str, *, twice: bool) -> Refused:
    what = "stands twice" if twice else "is not plain text, or too long"
    return Refused(400, "bad_header", f"The header {name} {what}.")
