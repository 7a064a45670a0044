"""What `sellstream stockx enrich` says: the document's lines, word for word."""

import io

from services.ops.stockx_enrich_text import reporting


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_documented_output() -> None:
    out = io.StringIO()
    with reporting(347, out) as report:
        report.outcome("HQ4276", "fa671f11-b94d-4596-a4fe-d91e0bd995a0")
        report.outcome("CUSTOM-001", None)
        report.error("DD1391-100", "StockX does not answer")
        for number in range(341):
            report.outcome(f"FB{number}", "x")
        report.complete()
    lines = out.getvalue().split("\n")
    assert lines[:4] == [
        "Found 347 products to enrich",
        "✅ Enriched: HQ4276 → fa671f11-b94d-4596-a4fe-d91e0bd995a0",
        "⚠️  Not found on StockX: CUSTOM-001",
        "❌ Error enriching DD1391-100: StockX does not answer",
    ]
    assert lines[-3:] == ["", "🎉 Enrichment complete! 342/347 products enriched (98.6% success rate)", ""]


def test_a_terminal_has_a_bar_and_brackets_are_no_markup() -> None:
    out = Terminal()
    with reporting(2, out) as report:
        report.outcome("[bold]HQ4276", "x")
        report.outcome("B", None)
    assert "Enriching" in out.getvalue()
    assert "2/2" in out.getvalue()
    assert "✅ Enriched: [bold]HQ4276 → x" in out.getvalue()


def test_nothing_to_do_is_a_success() -> None:
    out = io.StringIO()
    with reporting(0, out) as report:
        report.complete()
    assert "0/0 products enriched (100.0% success rate)" in out.getvalue()


def test_products_that_came_in_meanwhile_make_no_more_than_all() -> None:
    out = io.StringIO()
    with reporting(1, out) as report:
        report.outcome("A", "x")
        report.outcome("B", "y")
        report.outcome("C", None)
        report.complete()
    assert "2/3 products enriched (66.7% success rate)" in out.getvalue()


def test_a_style_code_does_not_steer_the_terminal() -> None:
    out = io.StringIO()
    with reporting(3, out) as report:
        report.outcome("HQ\x1b[2J4276", "x\r")
        report.outcome("A\nB", None)
        report.error("C\u202e", "why\x07")
    assert out.getvalue().split("\n")[1:] == [
        r"✅ Enriched: HQ\x1b[2J4276 → x\r",
        r"⚠️  Not found on StockX: A\nB",
        r"❌ Error enriching C\u202e: why\x07",
        "",
    ]
