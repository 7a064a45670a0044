"""One search at all marketplaces at once: one that fails or is slow never spoils the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from libs.http.errors import ApiError
from libs.telemetry.log import get_logger
from services.product_search.messages import EverywhereTold, MarketplaceTold

log = get_logger()

NAMES = ("stockx", "goat", "klekt", "ebay")

Ask = Callable[[str, int], Awaitable[MarketplaceTold]]
"""Searches one marketplace: the query, and the most products."""


class Everywhere:
    """`asks` are the marketplaces that are configured; `patience` is what each may take."""

    def __init__(self, asks: Mapping[str, Ask], patience: timedelta) -> None:
        self._asks = asks
        self._patience = patience

    async def search(self, query: str, size: int) -> EverywhereTold:
        """What all have found; never raises for what one of them does."""
        answers = await asyncio.gather(*(self._one(name, query, size) for name in NAMES))
        found, errors = {}, {}
        for name, answer in zip(NAMES, answers, strict=True):
            found[name] = answer if isinstance(answer, MarketplaceTold) else None
            if isinstance(answer, str):
                errors[name] = answer
        return EverywhereTold(query=query, errors=errors, **found)

    async def _one(self, name: str, query: str, size: int) -> MarketplaceTold | str:
        ask = self._asks.get(name)
        if ask is None:
            return "not configured"
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await ask(query, size)
        except ApiError as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {self._patience.total_seconds():g} s"
        except Exception as error:  # what one marketplace's answer breaks must not take the others' away
            log.exception("a search failed", marketplace=name)
            return f"an error of ours: {type(error).__name__}"
