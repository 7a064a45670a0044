"""Rebuilds on real Kafka and PostgreSQL: proven equal, resumable, and never seen by a reader."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.as_of import build_as_of
from libs.projection.lease import RebuildRuns, lease
from libs.projection.moment import parse_moment
from libs.projection.progress import Silent
from libs.projection.rebuild import Rebuild
from libs.projection.swap import SwapRefused, rollback
from libs.read_models.orders.project import READ_MODEL as ORDERS
from schemas.orders.order_changed import OrderStatus
from tests.facts import order, order_v1, publish
from tests.projecting import projecting, scalar, until, until_read


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests", most=20) as opened:
        await migrate(opened)
        yield opened


@asynccontextmanager
async def live_orders(
    kafka: KafkaSettings, publisher: Publisher, database: Database, count: int = 30
) -> AsyncIterator[None]:
    """A live projection that has applied three states of each of `count` orders, and goes on."""
    statuses = [OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.SHIPPED]
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n, minute, one) for minute, one in enumerate(statuses) for n in range(count)))
        await until_read(database, ORDERS, 3 * count)
        yield


async def test_a_rebuild_is_proven_equal_and_swapped_in(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with live_orders(kafka, publisher, database):
        before = await scalar(database, "SELECT 'read_models.orders'::regclass::oid")
        outcome = await Rebuild(ORDERS, kafka, database).rebuild()
        assert outcome.swapped
        assert outcome.proof.equal
        assert outcome.proof.rebuilt.rows == 30
        assert await scalar(database, "SELECT 'read_models.orders'::regclass::oid") != before
        assert await scalar(database, "SELECT 'retired.orders'::regclass::oid") == before
        assert await scalar(database, "SELECT to_regclass('rebuild.orders')") is None
        await publish(publisher, order(1, 9, OrderStatus.DELIVERED))
        await until_read(database, ORDERS, 91)
        assert await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = '1'") == "delivered"
        assert await scalar(database, "SELECT status FROM retired.orders WHERE order_id = '1'") == "shipped"
