"""What a person may switch while the sandbox runs: the public search, and limits by the hour. PUT /_mercadolibre."""

from enum import StrEnum
from typing import Any

from aiohttp import web
from pydantic import Field

from services.sandbox.control_requests import ControlRequest, read
from services.sandbox.wire import json_answer


class Search(StrEnum):
    """How `/sites/{site}/search` answers.

    `closed`: 403 `forbidden` for everybody, as since April 2025. `blocked`: 403 by PolicyAgent. `open`: as before 2025.
    """

    CLOSED = "closed"
    BLOCKED = "blocked"
    OPEN = "open"


class Switches(ControlRequest):
    """The positions of all switches. `limits` are requests per application and hour; MercadoLibre publishes none."""

    search: Search = Search.CLOSED
    limited: bool = False
    search_per_hour: int = Field(default=3000, ge=1)
    items_per_hour: int = Field(default=10_000, ge=1)
    users_per_hour: int = Field(default=3000, ge=1)


class SwitchBoard:
    """Holds the switches; `GET /_mercadolibre` shows them, `PUT` replaces those that it names."""

    def __init__(self, now: Switches) -> None:
        self.now = now

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/_mercadolibre", self._show)
        app.router.add_put("/_mercadolibre", self._put)

    async def _show(self, _request: web.Request) -> web.Response:
        return json_answer(self._shown())

    async def _put(self, request: web.Request) -> web.Response:
        wanted = await read(request, Switches)
        self.now = self.now.model_copy(update={name: getattr(wanted, name) for name in wanted.model_fields_set})
        return json_answer(self._shown())

    def _shown(self) -> dict[str, Any]:
        return self.now.model_dump(mode="json")
