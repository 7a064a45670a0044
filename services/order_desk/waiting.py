"""Facts that wait for something to refer to (`order_desk.waiting`).

Who parks a fact looks once more afterwards; who makes what is waited for looks here afterwards. So one of the two sees
the other, whichever comes first.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from libs.db.pool import Database
from schemas.event import Fact
from schemas.orders.order_changed import OrderChangedV2
from schemas.registry import BY_MODEL, BY_TYPE
from schemas.shipments.shipment_changed import ShipmentChangedV1

Parked = OrderChangedV2 | ShipmentChangedV1


@dataclass(frozen=True)
class Waiting:
    """What an operator is told of a parked fact."""

    key: str
    waits_for: tuple[str, ...]
    why: str
    since: datetime


def item(channel: str, item_id: str) -> str:
    """The name of a listing that is waited for."""
    return f"item {channel} {item_id}"


def order(channel: str, order_id: str) -> str:
    """The name of an order that is waited for."""
    return f"order {channel} {order_id}"


def state(channel: str, order_id: str) -> str:
    """The name of an order whose row has to be in another state first: its parcel or a person takes it there."""
    return f"state of order {channel} {order_id}"


def parcel(channel: str, shipment_id: str) -> str:
    """The name of a parcel whose order is waited for."""
    return f"parcel {channel} {shipment_id}"


async def belongs(database: Database, fact: OrderChangedV2) -> None:
    """Remember which parcel an order is in."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO order_desk.parcels (marketplace, shipment_id, order_id) VALUES ($1, $2, $3) "
            "ON CONFLICT DO NOTHING",
            fact.marketplace,
            fact.shipment_id,
            fact.order_id,
        )


async def orders_in(database: Database, fact: ShipmentChangedV1) -> list[str]:
    """The orders in a parcel: those that it names, and those that name it."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT order_id FROM order_desk.parcels WHERE marketplace = $1 AND shipment_id = $2",
            fact.marketplace,
            fact.shipment_id,
        )
    return sorted({*fact.order_ids, *(row["order_id"] for row in rows)})


async def park(database: Database, fact: Parked, waits_for: Iterable[str], why: str) -> None:
    """Keep a fact until one of these comes; an older state than the one that is kept changes nothing."""
    version = BY_MODEL[type(fact)]
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO order_desk.waiting (key, waits_for, why, event_type, fact, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (key) DO UPDATE
            SET waits_for = excluded.waits_for, why = excluded.why, event_type = excluded.event_type,
                fact = excluded.fact, updated_at = excluded.updated_at
            WHERE waiting.updated_at <= excluded.updated_at
            """,
            _key(fact),
            sorted(set(waits_for)),
            why,
            version.type,
            fact.encode().decode(),
            fact.updated_at,
        )


async def unpark(database: Database, fact: Parked) -> None:
    """The fact has become rows; a newer state of it that is parked meanwhile stays."""
    async with database.connection() as connection:
        await connection.execute(
            "DELETE FROM order_desk.waiting WHERE key = $1 AND updated_at <= $2", _key(fact), fact.updated_at
        )


async def waiting_for(database: Database, *names: str) -> list[Fact]:
    """The facts that wait for one of these, those that came first before the others."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event_type, fact FROM order_desk.waiting WHERE waits_for && $1::text[] ORDER BY since, key",
            list(names),
        )
    return [BY_TYPE[row["event_type"]].model.model_validate_json(row["fact"]) for row in rows]


async def all_waiting(database: Database, most: int) -> list[Waiting]:
    """What waits, the oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT key, waits_for, why, since FROM order_desk.waiting ORDER BY since, key LIMIT $1", most
        )
    return [Waiting(row["key"], tuple(row["waits_for"]), row["why"], row["since"]) for row in rows]


def _key(fact: Parked) -> str:
    return json.dumps([BY_MODEL[type(fact)].family.topic, fact.key()])
