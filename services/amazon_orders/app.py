"""Construction: Amazon's orders → facts in `orders`."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from secrets import token_hex

from aiohttp import web

from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.channels.accounts import open_amazon
from libs.channels.settings import AmazonAccount
from libs.db.pool import Database
from libs.polling.poller import OnePoll, Pace, Poller
from libs.polling.turns import Key, Turns
from libs.privacy.sealer import open_sealer
from libs.service import Service
from services.amazon_orders.book import OrderBook
from services.amazon_orders.config import Config
from services.amazon_orders.poll import RETRY, TURNS, Poll, Seller
from services.amazon_orders.unreadable import UnreadableOrders

NAME = "amazon_orders"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        vault, url = config.secrets.vault, config.database.url
        accounts = [each for each in config.selling.accounts if isinstance(each, AmazonAccount)]
        database = await stack.enter_async_context(Database(url, application=NAME, most=len(accounts) + 4))
        sealer = await stack.enter_async_context(open_sealer(url, vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, seal=sealer))
        opened = await open_amazon(config.selling, url, vault, NAME, stack)
        sellers = [Seller(each.account, each.market, amazon) for each, amazon in opened]
        owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        unreadable = UnreadableOrders(database, DeadLetters(config.kafka, publisher, NAME))
        turns = Turns(database, TURNS, owner)
        poll = Poll(turns, OrderBook(database, publisher), unreadable, config.overlap, config.back)
        polls: dict[Key, OnePoll] = {(one.account, one.market): partial(poll.poll, one) for one in sellers}
        poller = Poller(turns, polls, Pace(config.every, RETRY))
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check, "postgres": database.check},
            workers={"poll": poller.work},
        )
