"""The demo's live view: a table that is redrawn in a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from services.ops.demo_promises import KINDS

_PLAIN_SECONDS = 5.0
_FACT_TOPICS = frozenset({"orders", "shipments", "payments", "questions", "listings"})
_MOST_NEWS = 6


@dataclass
class Figures:
    """What is counted now; a service that does not answer counts nothing."""

    decisions: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)
    lag: int = 0
    in_flight: int = 0


async def read_figures(session: aiohttp.ClientSession, ports: Mapping[str, int], database: Database) -> Figures:
    """Ask every service's /metrics and count the read models' rows."""
    figures = Figures()
    for name in ("webhook_gateway", "mercadolibre_enricher", "projector"):
        try:
            async with session.get(f"http://127.0.0.1:{ports[name]}/metrics") as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            continue
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                _count(figures, sample.name, sample.labels, int(sample.value))
    try:
        async with database.connection() as connection:
            for kind in KINDS:
                figures.rows[kind.table] = await connection.fetchval(
                    f"SELECT count(*) FROM read_models.{kind.table}"  # noqa: S608  (names of ours)
                )
    except DatabaseAway:
        figures.rows.clear()
    return figures


def _count(figures: Figures, sample: str, labels: Mapping[str, str], value: int) -> None:
    if sample == "gateway_deliveries_total":
        figures.decisions[labels["decision"]] += value
    elif sample == "bus_published_total" and labels["topic"] in _FACT_TOPICS:
        figures.facts[labels["topic"]] += value
    elif sample == "bus_consumed_total":
        figures.fates[labels["fate"]] += value
    elif sample == "bus_dead_letters_total":
        figures.dead_letters[labels["error_class"]] += value
    elif sample == "bus_lag_records":
        figures.lag += value
    elif sample == "bus_in_flight_records":
        figures.in_flight += value


class View:
    """Shows figures and news until it is closed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._news: list[str] = []
        self._began = time.monotonic()
        self._last_line = 0.0
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def __enter__(self) -> "View":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def news(self, line: str) -> None:
        """Something happened."""
        told = f"{time.monotonic() - self._began:5.1f} s  {line}"
        self._news = [*self._news, told][-_MOST_NEWS:]
        if self._live is None:
            self._console.print(told, highlight=False, soft_wrap=True)

    def show(self, figures: Figures) -> None:
        """Redraw, or print a line now and then."""
        if self._live is not None:
            self._live.update(Group(_table(figures), *(Text(line) for line in self._news)))
        elif time.monotonic() - self._last_line >= _PLAIN_SECONDS:
            self._last_line = time.monotonic()
            seconds = time.monotonic() - self._began
            self._console.print(
                f"{seconds:5.1f} s  " + "; ".join(f"{a}: {b}" for a, b in _told(figures)),
                highlight=False,
                soft_wrap=True,
            )


def _table(figures: Figures) -> Table:
    table = Table(box=None, show_header=False, title="sellstream", title_justify="left", title_style="bold")
    table.add_column(style="bold")
    table.add_column()
    for name, told in _told(figures):
        table.add_row(name, told)
    return table


def _told(figures: Figures) -> list[tuple[str, str]]:
    def listed(counts: Mapping[str, int]) -> str:
        return "  ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none yet"

    return [
        ("webhooks", listed(figures.decisions)),
        ("facts", listed(figures.facts)),
        ("rows", listed(figures.rows)),
        ("waiting", f"{figures.lag} records behind, {figures.in_flight} in hand"),
        ("dead letters", listed(figures.dead_letters)),
    ]
