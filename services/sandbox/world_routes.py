"""The world: make changes, and see what is true."""

from aiohttp import web

from libs.http.server import Problem
from services.sandbox.clock import Clock
from services.sandbox.control_requests import AfterSale, Change, NewOrder, Steps, read, whole_number
from services.sandbox.mercadolibre.control import MercadoLibreControl
from services.sandbox.notifier import Notifier
from services.sandbox.times import zulu
from services.sandbox.traffic import Traffic
from services.sandbox.wire import json_answer
from services.sandbox.world import World


class WorldRoutes:
    """/_world"""

    def __init__(
        self, world: World, clock: Clock, notifier: Notifier, traffic: Traffic, mercadolibre: MercadoLibreControl
    ) -> None:
        self._world = world
        self._clock = clock
        self._notifier = notifier
        self._traffic = traffic
        self._mercadolibre = mercadolibre

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/_world/steps", self._steps)
        app.router.add_get("/_world/summary", self._summary)
        app.router.add_post("/_world/orders", self._new_order)
        app.router.add_post("/_world/after_sale", self._after_sale)
        app.router.add_patch("/_world/{collection}/{id}", self._change)
        app.router.add_get("/_world/{collection}", self._collection)

    async def _steps(self, request: web.Request) -> web.Response:
        order = await read(request, Steps)
        among = (self._world.named(order.marketplace),) if order.marketplace else self._traffic.among()
        before = self._notifier.disorder
        self._notifier.disorder = order.disorder()
        try:
            deliveries = self._traffic.changes(order.steps, among, order.poison)
        finally:
            self._notifier.disorder = before
            self._notifier.flush()
        return json_answer({"steps": order.steps, "deliveries": deliveries}, 201)

    async def _summary(self, _request: web.Request) -> web.Response:
        counts = {
            name: {collection: sum(1 for _ in bodies()) for collection, bodies in marketplace.truth().items()}
            for name, marketplace in self._world.marketplaces.items()
        }
        return json_answer(
            {
                "seed": self._world.seed,
                "now": zulu(self._clock.now()),
                "changes": self._traffic.made,
                "marketplaces": counts,
                "sent": self._notifier.sent.summary(),
            }
        )

    async def _new_order(self, request: web.Request) -> web.Response:
        made, notices = self._mercadolibre.new_order(await read(request, NewOrder))
        return json_answer({"order": made, "deliveries": self._notifier.send_now("mercadolibre", notices)}, 201)

    async def _after_sale(self, request: web.Request) -> web.Response:
        notices = self._mercadolibre.after_sale(await read(request, AfterSale))
        return json_answer({"deliveries": self._notifier.send_now("mercadolibre", notices)}, 201)

    async def _change(self, request: web.Request) -> web.Response:
        collection, number = request.match_info["collection"], request.match_info["id"]
        changed, notices = self._mercadolibre.change(collection, number, await read(request, Change))
        return json_answer({collection[:-1]: changed, "deliveries": self._notifier.send_now("mercadolibre", notices)})

    async def _collection(self, request: web.Request) -> web.Response:
        name = request.match_info["collection"]
        truth = self._world.marketplaces[self._world.named(request.query.get("marketplace", "mercadolibre"))].truth()
        if name not in truth:
            raise Problem(404, f"There is no collection {name}. There are: {', '.join(truth)}.")
        offset, limit = whole_number(request, "offset", 0), whole_number(request, "limit", 1000)
        everything = list(truth[name]())
        return json_answer({"total": len(everything), name: everything[offset : offset + limit]})
