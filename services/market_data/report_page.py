"""The dead-stock report as one HTML page with charts: complete in itself, without scripts, readable on paper."""

from collections.abc import Mapping
from decimal import Decimal
from html import escape

from services.market_data.charts import bars, sparkline
from services.market_data.dead_stock import Line, Prices, Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5d6878; --rule: #d9dee6; --page: #fff; --band: #f5f7fa;
        --bar: #9db4d3; --dead: #c2410c; --up: #15803d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b5; --rule: #343c48; --page: #14181e;
        --band: #1c222b; --bar: #4a678d; --dead: #f0784a; --up: #5fc27e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem; background: var(--page); color: var(--ink);
       font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { color: var(--soft); margin: .2rem 0 0; }
.figures { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0 0; padding: 0; list-style: none; }
.figures li { background: var(--band); border-radius: .5rem; padding: .7rem 1rem; min-width: 9rem; }
.figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: .8rem; white-space: nowrap; }
th, td { padding: .45rem .7rem .45rem 0; border-bottom: 1px solid var(--rule); vertical-align: middle; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.named { min-width: 11rem; max-width: 24rem; overflow-wrap: anywhere; }
td.size { min-width: 3.6rem; max-width: 7rem; overflow-wrap: anywhere; }
td small { display: block; color: var(--soft); }
.down { color: var(--dead); } .up { color: var(--up); }
.tag { background: var(--dead); color: var(--page); border-radius: .3rem; padding: 0 .4rem; font-size: .75rem; }
svg.bars { width: 100%; max-width: 640px; height: auto; overflow: visible; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; text-anchor: middle; }
@media (max-width: 40rem) { svg text { font-size: 20px; } }
svg line { stroke: var(--rule); } rect.bar { fill: var(--bar); } rect.dead { fill: var(--dead); }
svg.spark polyline { fill: none; stroke: var(--bar); stroke-width: 1.8; } svg.spark circle { fill: var(--dead); }
"""


def as_page(report: Report) -> str:
    """The page's HTML."""
    ages = bars(
        "Pairs by days in stock",
        [f"{age.name} days" for age in report.ages],
        [age.pairs for age in report.ages],
        [age.dead for age in report.ages],
    )
    dead = [line for line in report.lines if line.dead]
    other = [line for line in report.lines if not line.dead]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Dead stock, {report.made_at:%d %B %Y}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Dead stock</h1><p>{report.made_at:%d %B %Y, %H:%M} UTC. Dead is what has been in stock for "
        f"{report.dead_after_days} days or more, and of which none was sold in that time.</p>"
        f"{_figures(report)}<h2>How long things have been in stock</h2>{ages}"
        f"<h2>Dead ({sum(line.quantity for line in dead):,})</h2>{_table(dead)}"
        f"<h2>Still moving, or new ({sum(line.quantity for line in other):,})</h2>{_table(other)}"
        "</body></html>"
    )


def _figures(report: Report) -> str:
    share = f"{100 * report.dead_pairs / report.pairs:.0f} % of {report.pairs:,} pairs" if report.pairs else "no stock"
    told = [
        (f"{report.dead_pairs:,}", f"dead pairs, {share}"),
        (
            _totals(report.bound),
            f"what they cost{f'; {report.without_cost:,} of unknown cost' if report.without_cost else ''}",
        ),
        (_totals(report.worth), "what StockX bids for them"),
    ]
    items = "".join(f"<li><b>{escape(value)}</b><span>{escape(what)}</span></li>" for value, what in told)
    return f'<ul class="figures">{items}</ul>'


def _totals(totals: Mapping[str, Decimal]) -> str:
    return " + ".join(f"{amount:,.2f} {currency}" for currency, amount in totals.items()) or "–"


def _table(lines: list[Line]) -> str:
    if not lines:
        return "<p>None.</p>"
    heads = (
        "<th>Product</th><th>Size</th>"
        + "".join(
            f'<th class="number">{name}</th>'
            for name in ("Pairs", "Days", "Cost", "StockX ask", "StockX bid", "90 days", "GOAT ask", "GOAT last sale")
        )
        + '<th>Lowest ask</th><th class="number">Last sold</th>'
    )
    rows = "".join(_row(line) for line in lines)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(line: Line) -> str:
    stockx, goat = line.stockx, line.goat
    tag = ' <span class="tag">dead</span>' if line.dead else ""
    numbers = (
        f"{line.quantity:,}",
        f"{line.days:,}",
        _money(line.cost, line.cost_currency),
        _price(stockx, stockx.lowest_ask if stockx else None),
        _price(stockx, stockx.highest_bid if stockx else None),
        _change(stockx),
        _price(goat, goat.lowest_ask if goat else None),
        _price(goat, goat.last_sale if goat else None),
    )
    cells = "".join(f'<td class="number">{each}</td>' for each in numbers)
    trend = sparkline(f"{line.sku} {line.size or ''}: lowest ask", [point.ask for point in line.trend])
    sold = "–" if line.last_sold_at is None else f"{line.last_sold_at:%Y-%m-%d}"
    return (
        f'<tr><td class="named">{_isolated((line.title or "").strip() or line.sku)}{tag}'
        f"<small>{_isolated(line.sku)} · {escape(line.condition)}</small></td>"
        f'<td class="size">{_isolated(line.size or "–")}</td>{cells}<td>{trend}</td><td class="number">{sold}</td></tr>'
    )


def _isolated(text: str) -> str:
    """A text that somebody else wrote: its direction of writing ends with it."""
    return f"<bdi>{escape(text)}</bdi>"


def _price(prices: Prices | None, amount: Decimal | None) -> str:
    return _money(amount, None if prices is None else prices.currency)


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "–" if amount is None else f"{amount:,.2f} {escape(currency or '')}"


def _change(prices: Prices | None) -> str:
    if prices is None or prices.change is None:
        return "–"
    way = "down" if prices.change < 0 else "up"
    return f'<span class="{way}">{100 * prices.change:+.1f} %</span>'
