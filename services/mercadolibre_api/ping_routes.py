"""GET /mercadolibre/ping: the documented health check of people; `/livez` and `/readyz` are those of machines."""

from aiohttp import web
from pydantic import BaseModel

from libs.http.openapi import Operation, Reply, Route


class Pong(BaseModel):
    """The service answers."""

    status: str = "ok"
    service: str = "mercadolibre"


def routes() -> tuple[Route, ...]:
    """The health check."""
    answers = Operation("Whether MercadoLibre's service is up", replies={200: Reply("It is", Pong)})
    return (Route("GET", "/mercadolibre/ping", _ping, answers),)


async def _ping(_request: web.Request) -> web.Response:
    return web.json_response(Pong().model_dump())
