"""A sandbox whose notifications get lost, and the enricher's parts against it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.mercadolibre.client import MercadoLibre
from tests.integration.running_sandbox import Received, Receiver, Sandbox, receiver, sandbox

PATIENT = {"mercadolibre_ack_seconds": 30, "ebay_ack_seconds": 30, "square_ack_seconds": 30}
HOUR = (1, 2, 4, 8, 15, 15, 15)
"""Minutes between MercadoLibre's attempts."""


@dataclass(frozen=True)
class FixedToken:
    """A token that was had from the sandbox, and lives longer than the test."""

    access: str

    async def token(self) -> str:
        return self.access

    async def refresh(self, rejected: str) -> str:
        raise AssertionError(f"the sandbox rejected {rejected[:8]}…")


@dataclass
class World:
    """A sandbox, the endpoint that it sends to, and its sellers' accounts as a client sees them."""

    sandbox: Sandbox
    shop: Receiver
    application: int
    accounts: dict[str, MercadoLibre]
    api: ApiClient

    @property
    def numbered(self) -> dict[str, tuple[int, int]]:
        return {name: (self.application, int(client.user_id)) for name, client in self.accounts.items()}

    async def lose(self, steps: int) -> list[dict[str, Any]]:
        """Make changes whose notifications nobody takes; the deliveries that are lost."""
        sent = (await self.sandbox.control("GET", "/_sent/summary"))["attempts"]
        made = await self.sandbox.control("POST", "/_world/steps", {"steps": steps, "marketplace": "mercadolibre"})
        number = len(made["deliveries"])
        for attempt, minutes in enumerate(HOUR, 1):
            await self.sandbox.settled(attempts=sent + number * attempt)
            await self.sandbox.control("POST", "/_clock", {"advance_seconds": 60 * minutes})
        await self.sandbox.settled()
        deliveries = await self.sandbox.sent("?state=lost")
        assert {each["id"] for each in deliveries} >= set(made["deliveries"])
        return deliveries


async def refuse(_received: Received) -> web.Response:
    return web.Response(status=503)


@asynccontextmanager
async def world(**settings: Any) -> AsyncIterator[World]:
    """A sandbox that sends to an endpoint that refuses everything; access tokens live for a year."""
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(receiver())
        shop.answer = refuse
        made = await stack.enter_async_context(
            sandbox(
                **{
                    "mercadolibre_target": shop.url("/hook"),
                    "mercadolibre_token_seconds": 366 * 86400,
                    **PATIENT,
                    **settings,
                }
            )
        )
        api = await stack.enter_async_context(
            ApiClient("mercadolibre", ApiSettings(base_url=f"{made.base}/mercadolibre", attempts=1))
        )
        told = (await made.control("GET", "/_accounts"))["mercadolibre"]
        accounts = {
            seller["nickname"].lower(): MercadoLibre(api, FixedToken(await made.token(place)), str(seller["user_id"]))
            for place, seller in enumerate(told["sellers"])
        }
        yield World(made, shop, told["application_id"], accounts, api)
