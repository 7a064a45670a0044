"""`sellstream pricing backtest`: a repricing rule replayed over the stored market facts, beside what happened."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from libs.bus.reader import KafkaAway
from libs.pricing.amounts import AmountRefused
from libs.pricing.backtest import Backtest, Outcome, Scope, backtest
from libs.pricing.cost_rules import CostRules, NoCostRule
from libs.pricing.repricing_rule import NEW, Amount, BoundUnknown, Distance, Percent, Position, RepricingRule
from libs.stack import StackError
from services.ops.connection import kafka_alone
from services.ops.stored_market import CHANNEL, LeftOut, stored_market


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Prices: what a rule would have done.", no_args_is_help=True)

    @group.callback()
    def pricing() -> None:
        """Keeps `backtest` a command of the group while it is the only one."""

    group.command("backtest")(run)
    app.add_typer(group, name="pricing")


def run(
    sku: Annotated[str, typer.Option(help="The style code.")],
    cost: Annotated[str, typer.Option(help="What one piece was bought for, in US dollars.")],
    start: Annotated[str, typer.Option(help="The price before the first recorded moment, in US dollars.")],
    size: Annotated[str | None, typer.Option(help="Left out: it has none.")] = None,
    undercut: Annotated[str | None, typer.Option(help="Below the lowest ask: `1` US dollar, or `2%`.")] = None,
    follow: Annotated[str | None, typer.Option(help="Above the lowest ask: `0`, `1`, or `2%`.")] = None,
    minimum: Annotated[str | None, typer.Option(help="Never below, in US dollars.")] = None,
    maximum: Annotated[str | None, typer.Option(help="Never above, in US dollars.")] = None,
    least_profit: Annotated[str | None, typer.Option(help="Never below what leaves this much.")] = None,
    most_profit: Annotated[str | None, typer.Option(help="Never above what leaves this much.")] = None,
    fallback: Annotated[str | None, typer.Option(help="The price while nobody asks, in US dollars.")] = None,
    largest_drop: Annotated[str | None, typer.Option(help="At most so far down at once: `5`, or `5%`.")] = None,
    largest_rise: Annotated[str | None, typer.Option(help="At most so far up at once: `5`, or `5%`.")] = None,
    condition: Annotated[str, typer.Option(help="What the pieces are in; StockX asks for new ones.")] = NEW,
    market: Annotated[str, typer.Option(help="Country code, for the cost rules.")] = "US",
    category: Annotated[str, typer.Option(help="For the cost rules.")] = "*",
) -> None:
    """Replay a rule over StockX's recorded markets: profit and sales, beside what happened."""
    if (undercut is None) == (follow is None):
        _fail("Say either --undercut or --follow.")
    position = Position.UNDERCUT if undercut is not None else Position.FOLLOW
    try:
        rule = RepricingRule(
            id=1,
            version=1,
            position=position,
            distance=_distance(undercut or follow or "0"),
            minimum_usd=_amount(minimum),
            maximum_usd=_amount(maximum),
            least_profit_usd=_amount(least_profit),
            most_profit_usd=_amount(most_profit),
            fallback_usd=_amount(fallback),
            largest_drop=None if largest_drop is None else _distance(largest_drop),
            largest_rise=None if largest_rise is None else _distance(largest_rise),
            condition=condition,
        )
        stored = asyncio.run(stored_market(kafka_alone(), sku, size))
        _tell_left_out(stored.left_out)
        found = backtest(
            rule,
            Decimal(start),
            Decimal(cost),
            stored.moments,
            [sale for sale in stored.sales.values() if sale is not None],
            CostRules(stored.rules.values()),
            Scope(CHANNEL, market, category),
        )
    except InvalidOperation:
        _fail("An amount is no number: write 12.50, or 5%.")
    except (AmountRefused, BoundUnknown, NoCostRule, KafkaAway, StackError, ValueError) as error:
        _fail(str(error))
    if not found.prices:
        _fail(f"No market of {sku} is recorded: `sellstream stockx market-data sync` records it.")
    _tell(found)


def _tell(found: Backtest) -> None:
    console = Console()
    table = Table("", "sales", "revenue USD", "profit USD")
    for name, outcome in (("what happened", found.happened), ("with the rule", found.replayed)):
        table.add_row(name, *_cells(outcome))
    table.add_row("difference", *_difference(found))
    console.print(table)
    prices = [point.price_usd for point in found.prices]
    console.print(
        f"{len(prices)} recorded moments, {found.changes} changes of the price, "
        f"from {min(prices)} to {max(prices)} USD."
    )
    for name, count in sorted(found.guardrails.items()):
        console.print(f"Held by {name}: {count} times.")
    console.print("Only buyers who really bought are counted; a lower price might have found more.", style="dim")


def _tell_left_out(left_out: LeftOut) -> None:
    """On the error output: what is computed without these may be wrong."""
    for topic, count in sorted(left_out.counts.items()):
        typer.echo(f"Left out, because nothing can be computed from it: {count} of {topic}.", err=True)
    for named in left_out.named:
        typer.echo(f"  {named}", err=True)


def _difference(found: Backtest) -> tuple[str, str, str]:
    ours, theirs = found.replayed, found.happened
    return (
        f"{ours.sales - theirs.sales:+}",
        f"{ours.revenue_usd - theirs.revenue_usd:+}",
        f"{ours.profit_usd - theirs.profit_usd:+}",
    )


def _cells(outcome: Outcome) -> tuple[str, str, str]:
    return str(outcome.sales), str(outcome.revenue_usd), str(outcome.profit_usd)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _distance(text: str) -> Distance:
    return Percent(Decimal(text.removesuffix("%"))) if text.endswith("%") else Amount(Decimal(text))


def _fail(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(1)
