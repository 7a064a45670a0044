"""How a rebuild shows where it is: a bar in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from libs.projection.progress import Progress

_LINE_SECONDS = 2.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress on standard error, so that standard output holds the result alone."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars)


class _Bar:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self._done = 0

    def step(self, text: str, records: int = 0) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._began, self._done = time.monotonic(), 0
        self._task = self._bars.add_task(text, total=records or None, rate="")

    def advance(self, records: int) -> None:
        if self._task is None:
            return
        self._done += records
        rate = self._done / max(time.monotonic() - self._began, 0.001)
        self._bars.update(self._task, advance=records, rate=f"{rate:,.0f} records/s")


class _Lines:
    def __init__(self) -> None:
        self._text = ""
        self._records = self._done = 0
        self._told = 0.0

    def step(self, text: str, records: int = 0) -> None:
        self._text, self._records, self._done, self._told = text, records, 0, time.monotonic()
        print(f"{text}{f': {records} records' if records else ''} …", file=sys.stderr, flush=True)

    def advance(self, records: int) -> None:
        self._done += records
        if self._records and (time.monotonic() - self._told > _LINE_SECONDS or self._done == self._records):
            self._told = time.monotonic()
            print(f"{self._text}: {self._done} of {self._records} records", file=sys.stderr, flush=True)
