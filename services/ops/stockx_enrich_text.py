"""What `sellstream stockx enrich` says: the documented lines and summary; in a terminal a bar below them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from services.ops.terminal import harmless


@dataclass
class Report:
    """Counts what became of `total` products, and says it."""

    total: int
    console: Console
    bars: Progress | None = None
    enriched: int = 0
    not_found: int = 0
    failed: int = 0

    def begin(self) -> None:
        self._say(f"Found {self.total} products to enrich")

    def outcome(self, sku: str, stockx_product_id: str | None) -> None:
        """A product was looked up; None: StockX does not have it."""
        if stockx_product_id is None:
            self.not_found += 1
            self._say(f"⚠️  Not found on StockX: {harmless(sku)}")
        else:
            self.enriched += 1
            self._say(f"✅ Enriched: {harmless(sku)} → {harmless(stockx_product_id)}")
        self._advance()

    def error(self, sku: str, why: str) -> None:
        """A product could not be looked up; it is tried again when the command is run again."""
        self.failed += 1
        self._say(f"❌ Error enriching {harmless(sku)}: {harmless(why)}")
        self._advance()

    def complete(self) -> None:
        self._say(f"\n🎉 Enrichment complete! {self.summary()}")

    def summary(self) -> str:
        """`342/347 products enriched (98.6% success rate)`"""
        of = max(self.total, self.enriched + self.not_found + self.failed)  # some may have come in meanwhile
        share = 100.0 * self.enriched / of if of else 100.0
        return f"{self.enriched}/{of} products enriched ({share:.1f}% success rate)"

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _advance(self) -> None:
        if self.bars is not None:
            self.bars.advance(self.bars.task_ids[0])


@contextmanager
def reporting(total: int, out: TextIO) -> Iterator[Report]:
    """A report on `out`; the bar is there as long as the block lasts."""
    console = Console(file=out)
    if not console.is_terminal:
        report = Report(total, console)
        report.begin()
        yield report
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bars.add_task("Enriching", total=total)
        report = Report(total, bars.console, bars)
        report.begin()
        yield report
