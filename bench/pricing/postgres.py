"""PostgreSQL's side: base tables with their indexes, the statement, and what it gives."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg

from bench.pricing.world import CHANNEL, DAY, MARKET, RULES, World
from libs.pricing.cost_rules import CostRule
from libs.pricing.opportunities import Figures

STATEMENT = Path(__file__).with_name("statement.sql").read_text(encoding="utf-8")
_NAMES = tuple(Figures.__dataclass_fields__)
_TABLES = """
CREATE TABLE unified_products (unified_product_id bigint PRIMARY KEY, category text NOT NULL);
CREATE TABLE buy_offers (
    buy_offer_id bigint PRIMARY KEY, buy_cost_usd numeric NOT NULL, stock_level bigint, is_active boolean NOT NULL
);
CREATE TABLE product_matches (
    product_match_id bigint PRIMARY KEY, unified_product_id bigint NOT NULL, entity_type text NOT NULL,
    entity_id bigint NOT NULL, confidence numeric NOT NULL
);
CREATE TABLE sell_listings (
    sell_listing_id bigint PRIMARY KEY, channel text NOT NULL, market text NOT NULL, sell_price_usd numeric NOT NULL,
    unified_product_id bigint NOT NULL
);
CREATE TABLE cost_rules (
    cost_rule_id bigint PRIMARY KEY, channel text NOT NULL, market text NOT NULL, category text NOT NULL,
    fee_percent numeric NOT NULL, fixed_fee_usd numeric NOT NULL, ads_percent numeric NOT NULL,
    returns_rate numeric NOT NULL, avg_return_cost_usd numeric NOT NULL, packaging_cost_usd numeric NOT NULL,
    other_cost_usd numeric NOT NULL, effective_from date NOT NULL, effective_to date
);
CREATE INDEX ON product_matches (entity_type, entity_id);
CREATE INDEX ON product_matches (unified_product_id);
CREATE INDEX ON sell_listings (unified_product_id);
"""


class Postgres:
    """A connection to a database of its own, filled with a world."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fill(self, world: World) -> None:
        """Tables, rows, statistics."""
        await self._connection.execute(_TABLES)
        copies: dict[str, Iterable[tuple[Any, ...]]] = {
            "unified_products": ((number, "Shoes") for number, _ in world.products),
            "buy_offers": ((number, cost, 5, True) for number, cost in world.products),
            "product_matches": ((number, number, "buy", number, 1) for number, _ in world.products),
            "sell_listings": ((one.listing_id, CHANNEL, MARKET, one.price, one.product_id) for one in world.listed),
            "cost_rules": map(_row, RULES),
        }
        for table, rows in copies.items():
            await self._connection.copy_records_to_table(table, records=list(rows))
        await self._connection.execute("VACUUM ANALYZE")

    async def change(self, rule: CostRule) -> None:
        """Another cost rule under the same number."""
        await self._connection.execute("DELETE FROM cost_rules WHERE cost_rule_id = $1", rule.id)
        await self._connection.copy_records_to_table("cost_rules", records=[_row(rule)])
        await self._connection.execute("ANALYZE cost_rules")

    async def compute(self) -> float:
        """Seconds to compute all into a table without a log of its own."""
        await self._connection.execute("DROP TABLE IF EXISTS computed")
        began = perf_counter()
        literal = STATEMENT.replace("$1", f"date '{DAY}'")
        await self._connection.execute(f"CREATE UNLOGGED TABLE computed AS {literal}")
        return perf_counter() - began

    async def update(self, table: str) -> float:
        """Seconds to write all into a table of opportunities that has them, by one UPDATE with the statement in it."""
        setting = ", ".join(f"{name} = found.{name}" for name in _NAMES)
        literal = STATEMENT.replace("$1", f"date '{DAY}'")
        began = perf_counter()
        await self._connection.execute(
            f"UPDATE {table} AS kept SET {setting} FROM ({literal}) AS found "  # noqa: S608 - ours
            "WHERE (kept.unified_product_id, kept.channel, kept.market) = "
            "(found.unified_product_id, found.channel, found.market)"
        )
        return perf_counter() - began

    async def digest(self, table: str = "computed") -> str:
        """Of what a table holds."""
        columns = ", ".join(("unified_product_id", "channel", "market", *_NAMES))
        rows = await self._connection.fetch(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3")  # noqa: S608 - ours
        return digest(tuple(row) for row in rows)


def digest(rows: Iterable[tuple[Any, ...]]) -> str:
    """Of rows in order, each value as text (numbers with two decimals where they are decimals)."""
    found = hashlib.sha256()
    for row in rows:
        found.update("|".join("" if value is None else str(value) for value in row).encode() + b"\n")
    return found.hexdigest()


def figures_row(place: tuple[int, str, str], figures: Any) -> tuple[Any, ...]:
    """Our figures as the statement's columns."""
    return (*place, *(getattr(figures, name) for name in _NAMES))


def _row(rule: CostRule) -> tuple[Any, ...]:
    return (
        rule.id,
        rule.channel,
        rule.market,
        rule.category,
        rule.fee_percent,
        rule.fixed_fee_usd,
        rule.ads_percent,
        rule.returns_rate,
        rule.avg_return_cost_usd,
        rule.packaging_cost_usd,
        rule.other_cost_usd,
        rule.effective_from,
        rule.effective_to,
    )
