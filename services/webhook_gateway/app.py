"""Construction of the webhook gateway: read this to see the service."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from libs.bus.group_commit import PACE_SECONDS, GroupCommit
from libs.bus.publisher import Publisher
from libs.marketplaces import MARKETPLACES
from libs.service import Service
from libs.telemetry.loop_lag import LoopLag
from libs.telemetry.metrics import GATEWAY_DEADLINE, GATEWAY_LOOP_LAG
from schemas.deliveries.delivery_decided import EVENT as DECIDED
from schemas.topics import topics
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from services.webhook_gateway.config import Config
from services.webhook_gateway.deadlines import Deadlines
from services.webhook_gateway.decisions import Decisions
from services.webhook_gateway.endpoint import Endpoint
from services.webhook_gateway.forwarder import Forwarder
from services.webhook_gateway.handlers import Gateway
from services.webhook_gateway.intake import Intake
from services.webhook_gateway.key_client import KeyClient
from services.webhook_gateway.lines import Lines, log_lines
from services.webhook_gateway.listening import OnPort, listener
from services.webhook_gateway.places import Marketplace, Places
from services.webhook_gateway.record import Recorder
from services.webhook_gateway.routes import add_routes
from services.webhook_gateway.spool import Spool
from services.webhook_gateway.transport import Transport
from services.webhook_gateway.warm_up import WarmUp
from services.webhook_gateway.window import Window

NAME = "webhook_gateway"

MOST_WAITING = 50_000
"""Records per topic; of deliveries, `waiting_bytes` allows fewer."""

DECISIONS_PACE = 0.1
"""Seconds between two requests with decisions: nobody waits for them, and a request costs as much as thirty records."""

SETTLE_SECONDS = 2.0
"""How long a stopping gateway, its last answer given, waits for records that Kafka has not acknowledged yet."""


@asynccontextmanager
async def build(config: Config, on_port: OnPort = lambda _: None) -> AsyncIterator[Service]:
    """The service, from its settings; what is opened here is closed in the opposite order, after the last answer."""
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False))
        # A connection of their own: a broker takes the requests of one in turn, and decisions are many in each.
        behind = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False))
        declared = topics()

        def log_of(publisher: Publisher, topic: str, pace: float = PACE_SECONDS) -> GroupCommit[Any]:
            return GroupCommit(publisher, topic, declared[topic].partitions, most_waiting=MOST_WAITING, pace=pace)

        decisions = await stack.enter_async_context(
            Decisions(log_of(behind, DECIDED.topic, DECISIONS_PACE), most=config.waiting_decisions)
        )
        http_client = await stack.enter_async_context(KeyClient())
        window = Window(config.window, config.window_deliveries)
        spool = await stack.enter_async_context(Spool(config.spool_dir, config.spool_bytes))
        intake = Intake(
            log_of(publisher, RECEIVED.topic),
            window,
            spool,
            waiting_bytes=config.waiting_bytes,
            spool_after=config.spool_after.total_seconds(),
        )
        stack.callback(intake.close)
        stack.push_async_callback(intake.settle, SETTLE_SECONDS)
        places = Places(
            {
                name: Marketplace(
                    MARKETPLACES[name].verifier(accounts, http_client),
                    frozenset(one.account for one in accounts),
                    config.margin,
                    config.longest_wait,
                )
                for name, accounts in config.accounts.items()
            }
        )
        for name, marketplace in places.marketplaces.items():
            GATEWAY_DEADLINE.labels(name).set(marketplace.deadline)
        deadlines = Deadlines()
        stack.callback(deadlines.close)
        lines = Lines(sys.stdout)
        stack.callback(lines.flush)
        recorder = Recorder(decisions, log_lines(lines))
        stack.callback(recorder.flush)
        gateway = Gateway(intake, deadlines, recorder, config.retry_after)
        http = web.Application()
        add_routes(http, places.marketplaces, Transport(gateway, places, config.body_timeout))
        warm_up = WarmUp(config.kafka, window, config.window, config.window_deliveries)
        forwarder = Forwarder(config.kafka, intake, spool, warm_up.done)
        stack.enter_context(LoopLag(GATEWAY_LOOP_LAG))
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"intake": intake.check, "window": warm_up.check},
            workers={"warm_up": warm_up.work, "forwarder": forwarder.work},
            listen=listener(
                Endpoint(gateway, places),
                config.host,
                config.port,
                config.body_timeout,
                shared=config.shared_port,
                on_port=on_port,
            ),
        )
