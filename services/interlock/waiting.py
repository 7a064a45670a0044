"""Orders of which a line's listing is not known yet: they are counted again when it is entered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from libs.db.pool import Connection
from schemas.orders.order_changed import OrderChangedV2, OrderLine

_LINES = TypeAdapter(list[OrderLine])


@dataclass(frozen=True, slots=True)
class Ordered:
    """What an order says of units. `key`: `mercadolibre:2000`."""

    key: str
    marketplace: str
    lines: Sequence[OrderLine]


def ordered(order: OrderChangedV2) -> Ordered:
    return Ordered(order.key(), order.marketplace, order.lines)


async def park(connection: Connection, order: Ordered, names: Collection[str]) -> None:
    """Remember an order until a listing with one of these names comes."""
    await connection.execute(
        """
        INSERT INTO interlock.waiting_orders (order_key, marketplace, names, lines) VALUES ($1, $2, $3, $4)
        ON CONFLICT (order_key) DO UPDATE SET names = excluded.names, lines = excluded.lines
        """,
        order.key,
        order.marketplace,
        sorted(names),
        _LINES.dump_json(list(order.lines)).decode(),
    )


async def unpark(connection: Connection, order_key: str) -> None:
    """Every line of the order is known, or the order is over."""
    await connection.execute("DELETE FROM interlock.waiting_orders WHERE order_key = $1", order_key)


async def waiting_for(connection: Connection, marketplace: str, name: str) -> list[Ordered]:
    """The orders that wait for a listing, in the order in which they came."""
    found = await connection.fetch(
        "SELECT order_key, marketplace, lines FROM interlock.waiting_orders "
        "WHERE marketplace = $1 AND names @> ARRAY[$2::text] ORDER BY waiting_from, order_key",
        marketplace,
        name,
    )
    return [Ordered(one["order_key"], one["marketplace"], _LINES.validate_json(one["lines"])) for one in found]
