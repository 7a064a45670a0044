"""Log lines in batches: one write for many, at most a fifth of a second later, and all of them before the end.

Where the stream takes none (a full disk, a reader that is gone), they are dropped and counted: nothing waits for them.
"""

import asyncio
import json
from collections.abc import Callable
from typing import TextIO

from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_LOG_LINES_LOST

log = get_logger()

FLUSH_SECONDS = 0.2
_MOST = 500


class Lines:
    """Whole lines to a text stream, among those that others write there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.in_terminal = stream.isatty()
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._lost = 0

    def put(self, lines: list[str]) -> None:
        """Write lines (with their line ends) soon."""
        self._lines += lines
        if len(self._lines) >= _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits; what the stream does not take is lost, and told of when it takes lines again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if not lines:
            return
        text = "".join(lines)
        if self._lost:
            text = f"\n{text}"  # the write that failed may have ended within a line
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._lost += len(lines)
            GATEWAY_LOG_LINES_LOST.inc(len(lines))
            return
        if self._lost:
            log.warning("log lines were lost: nothing could be written to standard output", count=self._lost)
            self._lost = 0


def log_lines(lines: Lines) -> Callable[[list[str]], None]:
    """Where the log lines of deliveries go: to `lines`, or, for a person at a terminal, through the logger."""
    return _readable if lines.in_terminal else lines.put


def _readable(lines: list[str]) -> None:
    for line in lines:
        told = json.loads(line)
        for name in ("level", "service", "timestamp"):
            del told[name]
        get_logger().info(told.pop("event"), **told)
