"""product_search's enrichment, as `sellstream stockx enrich` asks it: patient where it is told to come back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

_PATH = "/api/v1/products/enrichment"
PATIENCE = 120.0
"""Seconds: a longer Retry-After means that the day's quota is spent, not that others go first."""
TRIES = 20
USUAL_PAUSE = 2.0


class Failed(Exception):
    """A product could not be looked up, or none can: the text says why."""


class QuotaShort(Exception):
    """StockX may not be asked for longer than anybody should wait here."""


@dataclass(frozen=True)
class Page:
    """Style codes to look up; `total` of all pages, `after` leads to the next one."""

    total: int
    skus: list[str]
    after: str | None


class EnrichmentApi:
    """`http` carries the token."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._url = base.rstrip("/") + _PATH

    async def gather(self, *, again: bool) -> Page:
        """Bring the catalog's products in, and tell the first of those that wait. Raises Failed, QuotaShort."""
        return _page(await self._call("POST", self._url, {"again": str(again).lower()}))

    async def page(self, *, again: bool, after: str) -> Page:
        """The next page."""
        return _page(await self._call("GET", self._url, {"again": str(again).lower(), "after": after}))

    async def enrich(self, sku: str) -> str | None:
        """Look one product up: its StockX id, None if StockX does not have it. Raises Failed, QuotaShort."""
        told = await self._call("POST", f"{self._url}/{quote(sku, safe='')}", {})
        found = told["stockxProductId"]
        return str(found) if found is not None else None

    async def _call(self, method: str, url: str, query: Mapping[str, str]) -> Any:
        for _ in range(TRIES):
            # `encoded`: a style code may hold a slash
            async with self._http.request(method, URL(url, encoded=True), params=query) as answer:
                body = await answer.json(content_type=None)
                if answer.status < 400:
                    return body
                told, pause = _detail(body, answer.status), answer.headers.get("Retry-After")
            if pause is None:
                raise Failed(told)
            seconds = float(pause) if pause.isdecimal() else USUAL_PAUSE
            if seconds > PATIENCE:
                raise QuotaShort(f"{told} (in {seconds / 60:.0f} minutes)")
            await asyncio.sleep(seconds)
        raise Failed(told)


def _page(told: Any) -> Page:
    return Page(told["total"], told["skus"], told["after"])


def _detail(body: Any, status: int) -> str:
    if not isinstance(body, dict):
        return f"product_search answered {status}"
    return str(body.get("reason") or body.get("detail") or f"product_search answered {status}")
