"""MercadoLibre's HTTP API."""

from aiohttp import web

from services.sandbox.mercadolibre import edge_headers
from services.sandbox.mercadolibre.after_sale_routes import AfterSaleRoutes
from services.sandbox.mercadolibre.caller import authorised
from services.sandbox.mercadolibre.errors import Refusal, refusals
from services.sandbox.mercadolibre.hourly import HourlyLimits
from services.sandbox.mercadolibre.item_routes import ItemRoutes
from services.sandbox.mercadolibre.item_writes import ItemWrites
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.missed import MissedFeeds
from services.sandbox.mercadolibre.oauth_routes import OAuthRoutes
from services.sandbox.mercadolibre.resource_routes import ResourceRoutes
from services.sandbox.mercadolibre.search_routes import SearchRoutes
from services.sandbox.mercadolibre.site_routes import SiteRoutes
from services.sandbox.mercadolibre.switches import SwitchBoard
from services.sandbox.mercadolibre.tokens import Tokens


def api(life: Life, tokens: Tokens, missed: MissedFeeds, board: SwitchBoard, limits: HourlyLimits) -> web.Application:
    """The routes over one world. What is not served is answered 404, as is /payments/{id}: payments are collections."""
    app = web.Application(middlewares=[limits.middleware(), refusals])
    app.on_response_prepare.append(edge_headers.put_on)
    user = authorised(life.population, tokens)
    OAuthRoutes(life.population, tokens).add_to(app)
    SearchRoutes(life, missed, tokens.application.id).add_to(app, user)
    ResourceRoutes(life).add_to(app, user)
    ItemRoutes(life.population).add_to(app, user)
    ItemWrites(life).add_to(app, user)
    AfterSaleRoutes(life).add_to(app, user)
    SiteRoutes(life.population, tokens, board).add_to(app)
    app.router.add_route("*", "/{tail:.*}", _nothing)
    return app


async def _nothing(_request: web.Request) -> web.Response:
    raise Refusal(404, "not_found", "resource not found")
