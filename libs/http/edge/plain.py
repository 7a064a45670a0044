"""The plainest request there is, read in a few steps: whole in one read, and nothing unusual about it.

Nearly all are. The parser calls back for the target, each header, the body; here most lines cost one look-up, because a
sender repeats them: only its signature and its times are new. Whatever is not exactly of this form is left to the
parser, which alone refuses and explains; so this may be narrow, and must never take what the parser would not.
"""

import re
from typing import Final

from libs.http.edge.exchange import Limits

Request = tuple[bytes, dict[bytes, bytes], bytes]
"""Target, headers by their lower-case names, body."""

_REQUEST_LINE: Final = re.compile(rb"POST (/[A-Za-z0-9/._~-]*) HTTP/1\.1")

_HEADER: Final = re.compile(rb"([A-Za-z0-9_-]+): ([!-~](?:[ -~]*[!-~])?)")

_FOR_THE_PARSER: Final = frozenset({b"connection", b"expect", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Headers that change how a request is read or answered."""

_MOST_KEPT: Final = 2048
_LONGEST_KEPT: Final = 512
"""Lines that are remembered, and bytes of one: together at most 3 MB or so."""


class PlainRequests:
    """Reads them, for all connections of a server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._targets: dict[bytes, bytes] = {}
        self._fields: dict[bytes, tuple[bytes, bytes]] = {}

    @property
    def remembered(self) -> int:
        """How many lines are kept."""
        return len(self._targets) + len(self._fields)

    def read(self, data: bytes) -> Request | None:
        """The one request that all of `data` is; None where the parser must look at it."""
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or not head or len(head) > self._limits.header_bytes:
            return None
        lines = head.splitlines()
        target = self._target(lines[0])
        headers = self._headers(lines, len(head)) if target is not None else None
        if target is None or headers is None or headers.get(b"content-length") != b"%d" % len(body):
            return None
        return target, headers, body

    def _headers(self, lines: list[bytes], size: int) -> dict[bytes, bytes] | None:
        """The headers behind the request line; `size` is that of all lines, as they stood."""
        size -= len(lines[0])
        del lines[0]
        fields = self._fields
        headers: dict[bytes, bytes] = {}
        for line in lines:
            field = fields.get(line)
            if field is None:
                field = self._field(line)
                if field is None:
                    return None
            name = field[0]
            if name in headers:
                return None
            headers[name] = field[1]
            size -= 2 + len(line)
        # What is left was a line's end of one byte, a lone CR or LF.
        return headers if not size and b"host" in headers and len(headers) <= self._limits.header_count else None

    def _target(self, line: bytes) -> bytes | None:
        target = self._targets.get(line)
        if target is not None:
            return target
        found = _REQUEST_LINE.fullmatch(line)
        if found is None or len(found[1]) > self._limits.target:
            return None
        target = found[1]
        if len(line) <= _LONGEST_KEPT:
            if len(self._targets) >= _MOST_KEPT:
                self._targets.clear()
            self._targets[line] = target
        return target

    def _field(self, line: bytes) -> tuple[bytes, bytes] | None:
        found = _HEADER.fullmatch(line)
        if found is None:
            return None
        name, value = found.groups()
        field: tuple[bytes, bytes] = (name.lower(), value)
        if field[0] in _FOR_THE_PARSER:
            return None
        if len(line) <= _LONGEST_KEPT:
            if len(self._fields) >= _MOST_KEPT:
                self._fields.clear()
            self._fields[line] = field
        return field
