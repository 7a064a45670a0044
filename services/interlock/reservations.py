"""The reservation of physical units: one row lock per product, so that the first orders have them, however many come.

| what comes                                 | what becomes of it                                                     |
|--------------------------------------------|------------------------------------------------------------------------|
| a sale while there are units               | held                                                                   |
| a sale beyond the last unit                | oversold, with advice                                                  |
| an order known to be of more units by now  | held, if there are so many; else oversold, and keeps those that it had |
| the end of a held sale (cancelled, …)      | released; who was oversold first gets the units                        |
| a held sale refunded                       | held: returned or cancelled says that the units are back               |
| the same again, in any order, or of fewer  | nothing: units only grow, and released is the end                      |

`fence` rises whenever units change hands. A take-off names the fence under which it was decided.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from libs.db.pool import Connection, Record


class State(StrEnum):
    HELD = "held"
    OVERSOLD = "oversold"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Sale:
    """So many units of a product, sold by an order (`mercadolibre:2000`)."""

    unified_product_id: int
    order_key: str
    units: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What a sale came to. `news`: it was not known before. `left`: units that nobody has; None: there is no limit.

    `holders`: the orders that have the units. `promoted`: who got units that were released.
    """

    state: State
    news: bool
    fence: int
    left: int | None
    holders: tuple[str, ...]
    promoted: tuple[str, ...] = ()

    @property
    def sold_out(self) -> bool:
        return self.left is not None and self.left <= 0


Advise = Callable[[Sale, tuple[str, ...]], Awaitable[str]]
"""What to do about a sale beyond the last unit; it is given the orders that have the units."""


async def reserve(connection: Connection, sale: Sale, on_hand: int | None, advise: Advise) -> Decided:
    """Give a sale its units, or mark it as oversold. In the caller's transaction."""
    fence = await lock(connection, sale.unified_product_id)
    known = await _known(connection, sale.unified_product_id, sale.order_key)
    holders, left = await _standing(connection, sale.unified_product_id, on_hand)
    if known is not None and (known["state"] == State.RELEASED or sale.units <= known["units"]):
        return Decided(State(known["state"]), False, fence, left, holders)
    has = 0 if known is None else known["has"]
    wanted = Sale(sale.unified_product_id, sale.order_key, sale.units - has)
    fits = left is None or wanted.units <= left
    if fits:
        fence = await _raise_fence(connection, sale.unified_product_id)
    advice = None if fits else await advise(wanted, holders)
    await connection.execute(
        """
        INSERT INTO interlock.reservations (unified_product_id, order_key, units, state, fence, advice, kept)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (unified_product_id, order_key) DO UPDATE
        SET units = excluded.units, state = excluded.state, fence = excluded.fence, advice = excluded.advice,
            kept = excluded.kept, changed_at = now()
        """,
        sale.unified_product_id,
        sale.order_key,
        sale.units,
        State.HELD if fits else State.OVERSOLD,
        fence,
        advice,
        0 if fits else has,
    )
    holders, left = await _standing(connection, sale.unified_product_id, on_hand)
    return Decided(State.HELD if fits else State.OVERSOLD, True, fence, left, holders)


async def release(connection: Connection, sale: Sale, on_hand: int | None, *, came_back: bool = True) -> Decided:
    """End a sale, known or not: what it held goes to those that were oversold, the first first.

    `came_back` False: the money went back, of the units nothing is known. What the sale held, it keeps.
    """
    product = sale.unified_product_id
    fence = await lock(connection, product)
    known = await _known(connection, product, sale.order_key)
    before, has = (None, 0) if known is None else (known["state"], known["has"])
    if before == State.RELEASED or (before == State.HELD and not came_back):
        holders, left = await _standing(connection, product, on_hand)
        return Decided(State(before), False, fence, left, holders)
    if has and not came_back:
        return await _settle(connection, sale, on_hand, fence)
    if has:
        fence = await _raise_fence(connection, product)
    await connection.execute(
        """
        INSERT INTO interlock.reservations (unified_product_id, order_key, units, state, fence)
        VALUES ($1, $2, $3, 'released', $4)
        ON CONFLICT (unified_product_id, order_key) DO UPDATE
        SET state = 'released', fence = excluded.fence, advice = NULL, kept = 0, changed_at = now()
        """,
        product,
        sale.order_key,
        sale.units,
        fence,
    )
    promoted = await _promote(connection, product, on_hand, fence)
    holders, left = await _standing(connection, product, on_hand)
    return Decided(State.RELEASED, True, fence, left, holders, promoted)


async def lock(connection: Connection, product: int) -> int:
    """Keep everybody else from a product until the end of the transaction; its fence."""
    await connection.execute(
        "INSERT INTO interlock.products (unified_product_id) VALUES ($1) ON CONFLICT DO NOTHING", product
    )
    fence: int = await connection.fetchval(
        "SELECT fence FROM interlock.products WHERE unified_product_id = $1 FOR UPDATE", product
    )
    return fence


async def left_of(connection: Connection, product: int, on_hand: int | None) -> int | None:
    """The units that nobody has; None: there is no limit."""
    return (await _standing(connection, product, on_hand))[1]


async def restock(connection: Connection, product: int, on_hand: int | None) -> tuple[int, tuple[str, ...]]:
    """A product may have more units, or fewer: its fence, and the orders that were flagged and have units now.

    With units left, what was to be taken off under the fence before is void.
    """
    fence, left = await lock(connection, product), await left_of(connection, product, on_hand)
    decided_short = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM interlock.take_offs WHERE unified_product_id = $1 AND fence = $2)
            OR EXISTS (SELECT FROM interlock.reservations WHERE unified_product_id = $1 AND state = 'oversold')
        """,
        product,
        fence,
    )
    if not decided_short or (left is not None and left <= 0):
        return fence, ()
    fence = await _raise_fence(connection, product)
    return fence, await _promote(connection, product, on_hand, fence)


async def _known(connection: Connection, product: int, order_key: str) -> Record | None:
    """What stands of an order; `has`: the units that are its own."""
    return await connection.fetchrow(
        "SELECT state, units, CASE state WHEN 'held' THEN units ELSE kept END AS has FROM interlock.reservations "
        "WHERE unified_product_id = $1 AND order_key = $2",
        product,
        order_key,
    )


async def _settle(connection: Connection, sale: Sale, on_hand: int | None, fence: int) -> Decided:
    """An order that was short of units claims no more of them: it holds those that it has."""
    await connection.execute(
        "UPDATE interlock.reservations SET state = 'held', units = kept, kept = 0, advice = NULL, changed_at = now() "
        "WHERE unified_product_id = $1 AND order_key = $2",
        sale.unified_product_id,
        sale.order_key,
    )
    holders, left = await _standing(connection, sale.unified_product_id, on_hand)
    return Decided(State.HELD, True, fence, left, holders)


async def _promote(connection: Connection, product: int, on_hand: int | None, fence: int) -> tuple[str, ...]:
    waiting = await connection.fetch(
        "SELECT order_key, units - kept AS wanted FROM interlock.reservations "
        "WHERE unified_product_id = $1 AND state = 'oversold' "
        "ORDER BY reserved_at, order_key",
        product,
    )
    promoted: list[str] = []
    for one in waiting:
        left = await left_of(connection, product, on_hand)
        if left is not None and one["wanted"] > left:
            break
        await connection.execute(
            "UPDATE interlock.reservations SET state = 'held', fence = $3, advice = NULL, kept = 0, "
            "changed_at = now() WHERE unified_product_id = $1 AND order_key = $2",
            product,
            one["order_key"],
            fence,
        )
        promoted.append(one["order_key"])
    return tuple(promoted)


async def _standing(connection: Connection, product: int, on_hand: int | None) -> tuple[tuple[str, ...], int | None]:
    held = await connection.fetch(
        "SELECT order_key, CASE state WHEN 'held' THEN units ELSE kept END AS has FROM interlock.reservations "
        "WHERE unified_product_id = $1 AND (state = 'held' OR kept > 0) ORDER BY reserved_at, order_key",
        product,
    )
    taken = sum(one["has"] for one in held)
    return tuple(one["order_key"] for one in held), None if on_hand is None else on_hand - taken


async def _raise_fence(connection: Connection, product: int) -> int:
    fence: int = await connection.fetchval(
        "UPDATE interlock.products SET fence = fence + 1 WHERE unified_product_id = $1 RETURNING fence", product
    )
    return fence
