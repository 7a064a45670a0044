"""The plainest request there is, read in a few steps: whole in one read, and nothing unusual about it.

Nearly all are. The parser calls back for the target, each header, the body; here most lines cost one comparison or
look-up, because a sender repeats them: only its signature and its times are new. Whatever is not exactly of this form
is left to the parser, which alone refuses and explains; so this may be narrow, and must never take what the parser
would not.
"""

import re
from typing import Final

from libs.http.edge.exchange import Limits
from libs.printable import is_visible

Request = tuple[bytes, dict[bytes, bytes], bytes]
"""Target, headers by their lower-case names, body."""

_REQUEST_LINE: Final = re.compile(rb"POST (/[A-Za-z0-9/._~-]*) HTTP/1\.1")

_HEADER: Final = re.compile(rb"([A-Za-z0-9_-]+): ([!-~](?:[ -~]*[!-~])?)")

_SPACE: Final = 0x20

_FOR_THE_PARSER: Final = frozenset({b"connection", b"expect", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Headers that change how a request is read or answered."""

_MOST_KEPT: Final = 2048
_LONGEST_KEPT: Final = 512
"""Lines that are remembered, and bytes of one: together at most 3 MB or so."""

_MOST_HEADS: Final = 256
_LONGEST_HEAD: Final = 2048
"""Whole heads that are remembered, one for a request line, and bytes of one: together a megabyte or two."""


class _Head:
    """A head that was read: its target, its lines, the name that each of them has in its headers."""

    def __init__(self, target: bytes, lines: list[bytes], headers: dict[bytes, bytes]) -> None:
        self.target = target
        self.lines = lines
        self.headers = headers
        self.names = [b"", *headers]  # the first line is no header's
        self._same_up_to(len(lines) - 1)

    def like(self, lines: list[bytes], skipped: int) -> dict[bytes, bytes] | None:
        """The headers in other lines, behind so many skipped ones, if no more than values differ; else None."""
        if skipped + len(lines) != len(self.lines):
            return None
        headers = self.headers.copy()
        place = skipped
        changed = 0
        for line in lines:
            if line != self.lines[place]:
                name, _, value = line.partition(b": ")
                if name.lower() != self.names[place] or not _is_value(value):
                    return None
                headers[self.names[place]] = value
                changed = changed or place
            place += 1
        if changed and changed != self.same_lines:
            self._same_up_to(changed)
        return headers

    def _same_up_to(self, place: int) -> None:
        """So many lines were the same in the last request: if they are in the next one, they are not looked at."""
        self.same_lines = place
        self.same = b"".join([line + b"\r\n" for line in self.lines[:place]])
        self.same_size = len(self.same)


class PlainRequests:
    """Reads them, for all connections of a server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._targets: dict[bytes, bytes] = {}
        self._fields: dict[bytes, tuple[bytes, bytes]] = {}
        self._heads: dict[bytes, _Head] = {}
        self._last: _Head | None = None

    @property
    def remembered(self) -> int:
        """How many lines and heads are kept."""
        return len(self._targets) + len(self._fields) + len(self._heads)

    def read(self, data: bytes) -> Request | None:
        """The one request that all of `data` is; None where the parser must look at it."""
        known = self._last
        if known is not None and data[: known.same_size] == known.same:
            rest, end, body = data[known.same_size :].partition(b"\r\n\r\n")
            if end and known.same_size + len(rest) <= self._limits.header_bytes:
                # Where the head ends here already, a line of these is empty: like no header's.
                headers = known.like(rest.split(b"\r\n"), known.same_lines)
                if headers is not None:
                    return _whole(known.target, headers, body)
        return self._read_all(data)

    def _read_all(self, data: bytes) -> Request | None:
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or not head or len(head) > self._limits.header_bytes:
            return None
        lines = head.split(b"\r\n")  # a lone CR or LF stays within its line, and is neither a target's nor a field's
        known = self._heads.get(lines[0])
        headers = None if known is None else known.like(lines, 0)
        if known is None or headers is None:
            known = self._head(lines, len(head))
            if known is None:
                return None
            headers = known.headers
        self._last = known
        return _whole(known.target, headers, body)

    def _head(self, lines: list[bytes], size: int) -> _Head | None:
        """What is read line by line; the next head of this request line is compared with it."""
        target = self._target(lines[0])
        headers = None if target is None else self._headers(lines)
        if target is None or headers is None:
            return None
        head = _Head(target, lines, headers)
        if size <= _LONGEST_HEAD:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[lines[0]] = head
        return head

    def _headers(self, lines: list[bytes]) -> dict[bytes, bytes] | None:
        """The headers behind the request line."""
        fields = self._fields
        headers: dict[bytes, bytes] = {}
        for line in lines[1:]:
            field = fields.get(line)
            if field is None:
                field = self._field(line)
                if field is None:
                    return None
            name = field[0]
            if name in headers:
                return None
            headers[name] = field[1]
        return headers if b"host" in headers and len(headers) <= self._limits.header_count else None

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


def _whole(target: bytes, headers: dict[bytes, bytes], body: bytes) -> Request | None:
    """The request, if the body is as long as its headers say."""
    return (target, headers, body) if headers.get(b"content-length") == str(len(body)).encode() else None


def _is_value(raw: bytes) -> bool:
    """Whether `_HEADER` would take it for a value."""
    return len(raw) > 0 and raw[0] != _SPACE and raw[-1] != _SPACE and is_visible(raw)
