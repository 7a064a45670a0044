"""The sandbox's own API, under paths that begin with `_`: make changes, order faults, compare with the truth."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.http.server import Problem
from services.sandbox.clock import Clock
from services.sandbox.control_requests import Advance, Change, Flow, NewOrder, Poisoning, Steps
from services.sandbox.delivery import Delivery, State
from services.sandbox.ebay.marketplace import Ebay
from services.sandbox.faults import Faults, FaultSpec
from services.sandbox.mercadolibre.control import MercadoLibreControl
from services.sandbox.notice import Attempt
from services.sandbox.notifier import Notifier
from services.sandbox.times import zulu
from services.sandbox.traffic import Plan, Traffic
from services.sandbox.wire import json_answer
from services.sandbox.world import World

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The routes."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        faults: Faults,
        notifier: Notifier,
        traffic: Traffic,
        mercadolibre: MercadoLibreControl,
        ebay: Ebay,
        http: aiohttp.ClientSession,
    ) -> None:
        self._world = world
        self._clock = clock
        self._faults = faults
        self._notifier = notifier
        self._traffic = traffic
        self._mercadolibre = mercadolibre
        self._ebay = ebay
        self._http = http

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
        router.add_get("/_sent", self._sent)
        router.add_get("/_sent/summary", self._sent_summary)
        router.add_get("/_sent/{id:[0-9]+}", self._one_sent)
        router.add_get("/_traffic", self._show_traffic)
        router.add_post("/_traffic", self._start_traffic)
        router.add_delete("/_traffic", self._stop_traffic)
        router.add_post("/_world/steps", self._steps)
        router.add_get("/_world/summary", self._summary)
        router.add_post("/_world/orders", self._new_order)
        router.add_patch("/_world/{collection}/{id}", self._change)
        router.add_get("/_world/{collection}", self._collection)

    async def _accounts(self, _request: web.Request) -> web.Response:
        return json_answer({name: each.accounts() for name, each in self._world.marketplaces.items()})

    async def _advance(self, request: web.Request) -> web.Response:
        order = await _read(request, Advance)
        self._clock.advance(timedelta(seconds=order.advance_seconds))
        return json_answer({"now": zulu(self._clock.now())})

    async def _validate(self, _request: web.Request) -> web.Response:
        return json_answer(await self._ebay.validate(self._http))

    async def _rotate(self, _request: web.Request) -> web.Response:
        return json_answer({"key_id": self._ebay.keys.rotate()}, 201)

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return json_answer({"faults": self._faults.shown()})

    async def _order_fault(self, request: web.Request) -> web.Response:
        spec = await _read(request, FaultSpec)
        self._named(spec.marketplace)
        fault = self._faults.order(spec)
        return json_answer(fault.shown(self._clock.now()), 201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        number = request.match_info.get("id")
        return json_answer({"cleared": self._faults.clear(None if number is None else int(number))})

    async def _poison(self, request: web.Request) -> web.Response:
        order = await _read(request, Poisoning)
        marketplace = self._named(order.marketplace)
        known = self._world.marketplaces[marketplace].poisons
        unknown = sorted({*order.kinds} - {*known})
        if unknown:
            raise Problem(400, f"Unknown kinds of poison: {', '.join(unknown)}. Known: {', '.join(known)}.")
        kinds = order.kinds or known
        notices = [
            self._world.poison(marketplace, kinds[number % len(kinds)]) for number in range(order.count or len(kinds))
        ]
        return self._send(marketplace, notices)

    async def _sent(self, request: web.Request) -> web.Response:
        query = request.query

        def wanted(delivery: Delivery) -> bool:
            return (
                query.get("marketplace") in (None, delivery.marketplace)
                and query.get("topic") in (None, delivery.notice.topic)
                and query.get("resource") in (None, delivery.notice.resource)
                and query.get("state") in (None, delivery.state.value)
                and query.get("delivered") in (None, str(delivery.state is State.DELIVERED).lower())
                and query.get("poison") in (None, str(delivery.notice.poison is not None).lower())
                and delivery.number > _whole(request, "after", 0)
            )

        found = filter(wanted, self._notifier.sent)
        offset, limit = _whole(request, "offset", 0), _whole(request, "limit", 1000)
        return json_answer({"deliveries": [each.shown() for each in islice(found, offset, offset + limit)]})

    async def _sent_summary(self, _request: web.Request) -> web.Response:
        return json_answer(self._notifier.sent.summary())

    async def _one_sent(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        delivery = next((each for each in self._notifier.sent if each.number == number), None)
        if delivery is None:
            raise Problem(404, f"There is no delivery {number}, or it is forgotten already.")
        body = delivery.notice.request(Attempt(max(1, len(delivery.attempts)))).body
        return json_answer({**delivery.shown(), "body": body.decode("utf-8", "backslashreplace")})

    async def _show_traffic(self, _request: web.Request) -> web.Response:
        return json_answer(self._traffic.shown())

    async def _start_traffic(self, request: web.Request) -> web.Response:
        order = await _read(request, Flow)
        among = tuple(self._named(name) for name in order.marketplaces) or self._sending()
        plan = Plan(order.rate, order.seconds, order.duplicates, order.reordering, order.poison, among)
        self._traffic.start(plan)
        return json_answer(self._traffic.shown(), 202)

    async def _stop_traffic(self, _request: web.Request) -> web.Response:
        self._traffic.stop()
        return json_answer(self._traffic.shown())

    async def _steps(self, request: web.Request) -> web.Response:
        order = await _read(request, Steps)
        among = (self._named(order.marketplace),) if order.marketplace else self._sending()
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
        made, notices = self._mercadolibre.new_order(await _read(request, NewOrder))
        return json_answer({"order": made, "deliveries": self._numbers("mercadolibre", notices)}, 201)

    async def _change(self, request: web.Request) -> web.Response:
        collection, number = request.match_info["collection"], request.match_info["id"]
        changed, notices = self._mercadolibre.change(collection, number, await _read(request, Change))
        return json_answer({collection[:-1]: changed, "deliveries": self._numbers("mercadolibre", notices)})

    async def _collection(self, request: web.Request) -> web.Response:
        name = request.match_info["collection"]
        truth = self._world.marketplaces[self._named(request.query.get("marketplace", "mercadolibre"))].truth()
        if name not in truth:
            raise Problem(404, f"There is no collection {name}. There are: {', '.join(truth)}.")
        offset, limit = _whole(request, "offset", 0), _whole(request, "limit", 1000)
        everything = list(truth[name]())
        return json_answer({"total": len(everything), name: everything[offset : offset + limit]})

    def _send(self, marketplace: str, notices: Any) -> web.Response:
        return json_answer({"deliveries": self._numbers(marketplace, notices)}, 201)

    def _numbers(self, marketplace: str, notices: Any) -> list[int]:
        made = [delivery.number for delivery in self._notifier.send(marketplace, notices)]
        self._notifier.flush()
        return made

    def _named(self, marketplace: str) -> str:
        if marketplace not in self._world.marketplaces:
            known = ", ".join(self._world.marketplaces)
            raise Problem(400, f"There is no marketplace {marketplace[:40]!r}. There are: {known}.")
        return marketplace

    def _sending(self) -> tuple[str, ...]:
        """The marketplaces with an endpoint; without any, MercadoLibre, so that its world goes on all the same."""
        return tuple(self._notifier.channels) or ("mercadolibre",)


async def _read(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, each["loc"])), "problem": each["msg"]}
            for each in error.errors(include_url=False)
        ]
        raise Problem(400, "The request's body is not what this path takes.", errors=problems) from None


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Problem(400, f"{name} must be a whole number from 0.")
    return int(text)
