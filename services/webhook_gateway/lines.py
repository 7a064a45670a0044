"""Log lines in batches: one write for many, at most a fifth of a second later, and all of them before the end."""

import asyncio
import json
from collections.abc import Callable
from typing import TextIO

from libs.telemetry.log import get_logger

FLUSH_SECONDS = 0.2
_MOST = 500


class Lines:
    """Whole lines to a text stream, among those that others write there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.in_terminal = stream.isatty()
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, lines: list[str]) -> None:
        """Write lines (with their line ends) soon."""
        self._lines += lines
        if len(self._lines) >= _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def log_lines(lines: Lines) -> Callable[[list[str]], None]:
    """Where the log lines of deliveries go: to `lines`, or, for a person at a terminal, through the logger."""
    return _readable if lines.in_terminal else lines.put


def _readable(lines: list[str]) -> None:
    for line in lines:
        told = json.loads(line)
        for name in ("level", "service", "timestamp"):
            del told[name]
        get_logger().info(told.pop("event"), **told)
