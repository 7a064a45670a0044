"""The sandbox's own API for what is not the world: faults, poison, traffic, the clock, accounts, eBay's endpoint."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web

from libs.http.server import Problem
from services.sandbox.clock import Clock
from services.sandbox.control_requests import Advance, Flow, Poisoning, read
from services.sandbox.ebay.marketplace import Ebay
from services.sandbox.ecb.routes import NAME as ECB
from services.sandbox.faults import Faults, FaultSpec
from services.sandbox.notifier import Notifier
from services.sandbox.times import zulu
from services.sandbox.traffic import Plan, Traffic
from services.sandbox.wire import json_answer
from services.sandbox.world import World


class ControlRoutes:
    """/_accounts, /_clock, /_ebay, /_faults, /_poison, /_traffic"""

    def __init__(
        self,
        world: World,
        clock: Clock,
        faults: Faults,
        notifier: Notifier,
        traffic: Traffic,
        ebay: Ebay,
        http: aiohttp.ClientSession,
        shops: Mapping[str, Callable[[], Mapping[str, Any]]],
    ) -> None:
        self._world = world
        self._clock = clock
        self._faults = faults
        self._notifier = notifier
        self._traffic = traffic
        self._ebay = ebay
        self._http = http
        self._shops = shops  # marketplaces that are only searched: nothing happens there

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/_accounts", self._accounts)
        router.add_post("/_clock", self._advance)
        router.add_post("/_ebay/validate", self._validate)
        router.add_post("/_ebay/keys", self._rotate)
        router.add_get("/_faults", self._list_faults)
        router.add_post("/_faults", self._order_fault)
        router.add_delete("/_faults", self._clear_faults)
        router.add_delete("/_faults/{id:[0-9]+}", self._clear_faults)
        router.add_post("/_poison", self._poison)
        router.add_get("/_traffic", self._show_traffic)
        router.add_post("/_traffic", self._start_traffic)
        router.add_delete("/_traffic", self._stop_traffic)

    async def _accounts(self, _request: web.Request) -> web.Response:
        sold_at = {name: each.accounts() for name, each in self._world.marketplaces.items()}
        return json_answer(sold_at | {name: accounts() for name, accounts in self._shops.items()})

    async def _advance(self, request: web.Request) -> web.Response:
        order = await read(request, Advance)
        self._clock.advance(timedelta(seconds=order.advance_seconds))
        return json_answer({"now": zulu(self._clock.now())})

    async def _validate(self, _request: web.Request) -> web.Response:
        return json_answer(await self._ebay.validate(self._http))

    async def _rotate(self, _request: web.Request) -> web.Response:
        return json_answer({"key_id": self._ebay.keys.rotate()}, 201)

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return json_answer({"faults": self._faults.shown()})

    async def _order_fault(self, request: web.Request) -> web.Response:
        spec = await read(request, FaultSpec)
        if spec.marketplace not in (ECB, *self._shops):
            self._world.named(spec.marketplace)
        fault = self._faults.order(spec)
        return json_answer(fault.shown(self._clock.now()), 201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        number = request.match_info.get("id")
        return json_answer({"cleared": self._faults.clear(None if number is None else int(number))})

    async def _poison(self, request: web.Request) -> web.Response:
        order = await read(request, Poisoning)
        marketplace = self._world.named(order.marketplace)
        known = self._world.marketplaces[marketplace].poisons
        unknown = sorted({*order.kinds} - {*known})
        if unknown:
            raise Problem(400, f"Unknown kinds of poison: {', '.join(unknown)}. Known: {', '.join(known)}.")
        if not known:
            raise Problem(400, f"{marketplace} sends no notifications, so none can be poisoned.")
        kinds = order.kinds or known
        notices = [
            self._world.poison(marketplace, kinds[number % len(kinds)]) for number in range(order.count or len(kinds))
        ]
        return json_answer({"deliveries": self._notifier.send_now(marketplace, notices)}, 201)

    async def _show_traffic(self, _request: web.Request) -> web.Response:
        return json_answer(self._traffic.shown())

    async def _start_traffic(self, request: web.Request) -> web.Response:
        order = await read(request, Flow)
        among = tuple(self._world.named(name) for name in order.marketplaces) or self._traffic.among()
        plan = Plan(order.rate, order.seconds, order.duplicates, order.reordering, order.poison, among)
        self._traffic.start(plan)
        return json_answer(self._traffic.shown(), 202)

    async def _stop_traffic(self, _request: web.Request) -> web.Response:
        self._traffic.stop()
        return json_answer(self._traffic.shown())
