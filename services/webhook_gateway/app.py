"""Construction of the webhook gateway: read this to see the service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from libs.bus.publisher import Publisher
from libs.marketplaces import MARKETPLACES
from libs.service import Service
from services.webhook_gateway.config import Config
from services.webhook_gateway.decisions import Decisions
from services.webhook_gateway.handlers import Gateway
from services.webhook_gateway.intake import Intake
from services.webhook_gateway.key_client import KeyClient
from services.webhook_gateway.record import Recorder
from services.webhook_gateway.routes import add_routes
from services.webhook_gateway.transport import Transport
from services.webhook_gateway.warm_up import WarmUp
from services.webhook_gateway.window import Window

NAME = "webhook_gateway"

SETTLE_SECONDS = 2.0
"""How long a stopping gateway, its last answer given, waits for records that Kafka has not acknowledged yet."""


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, from its settings; what is opened here is closed in the opposite order, after the last answer."""
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        decisions = await stack.enter_async_context(Decisions(publisher.publish, most=config.waiting_decisions))
        http_client = await stack.enter_async_context(KeyClient())
        window = Window(config.window, config.window_deliveries)
        intake = Intake(publisher.publish, window, waiting_bytes=config.waiting_bytes)
        stack.push_async_callback(intake.settle, SETTLE_SECONDS)
        verifiers = {
            name: MARKETPLACES[name].verifier(accounts, http_client) for name, accounts in config.accounts.items()
        }
        gateway = Gateway(verifiers, intake, config.retry_after)
        transport = Transport(
            gateway,
            Recorder(decisions.put),
            {name: frozenset(one.account for one in accounts) for name, accounts in config.accounts.items()},
            margin=config.margin,
            longest_wait=config.longest_wait,
            body_timeout=config.body_timeout,
        )
        warm_up = WarmUp(config.kafka, window, intake, config.window, config.window_deliveries)
        http = web.Application()
        add_routes(http, gateway, transport)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "window": warm_up.check},
            workers={"warm_up": warm_up.work},
        )
