"""Deliveries from the edge server: find the place, let the gateway decide, answer on the same connection."""

import re
import time
from functools import partial
from typing import Final

from libs.http.edge import Broken, Exchange, Route
from libs.marketplaces.contract import Refused
from services.webhook_gateway import traces
from services.webhook_gateway.answers import Wire
from services.webhook_gateway.handlers import Arrival, Gateway, Replied
from services.webhook_gateway.places import Place, Places
from services.webhook_gateway.verdict import Verdict, refusal

_time: Final = time.time  # compiled, a name of another module is looked up at each call

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_BROKEN = {
    Broken.TOO_SLOW: "The body did not arrive in time.",
    Broken.BODY: "The body does not end where its headers say, or is badly chunked.",
    Broken.OFF: "The body was not complete.",
}


class _Asked(Arrival):
    """A request on one of the edge server's connections, answered there."""

    def __init__(
        self, gateway: Gateway, place: Place, request_id: str, trace: traces.Trace, exchange: Exchange, wire: Wire
    ) -> None:
        super().__init__(gateway, place, request_id, trace, place.route)
        self._exchange = exchange
        self._wire = wire

    def answer(self, verdict: Verdict) -> None:
        self._exchange.answer(self._wire.render(verdict, self.place.form, self.request_id, _time()))


class Endpoint:
    """The routes of the edge server."""

    def __init__(self, gateway: Gateway, places: Places) -> None:
        self._gateway = gateway
        self._places = places
        self._wire = Wire()
        self._spans = traces.exporting()
        self._fixed = {target: self._route(place) for target, place in places.fixed()}

    def __call__(self, target: bytes) -> Route | None:
        """The route of a POST (the edge server's router)."""
        route = self._fixed.get(target)
        if route is not None:
            return route
        place = self._places.find(target)
        return None if place is None else self._route(place)

    def _route(self, place: Place) -> Route:
        return Route(partial(self._begin, place), place.most_bytes, partial(self._broken, place))

    def _begin(self, place: Place, exchange: Exchange) -> None:
        request_id, trace = self._named(place, exchange)
        arrival = _Asked(self._gateway, place, request_id, trace, exchange, self._wire)
        self._gateway.receive(arrival, exchange.headers, exchange.doubled, exchange.body)

    def _broken(self, place: Place, exchange: Exchange, status: int, told: str, why: Broken) -> bytes:
        """The answer to a request that never became whole, as if it had been read up to there."""
        answers: list[bytes] = []
        request_id, trace = self._named(place, exchange)

        def reply(verdict: Verdict) -> None:
            answers.append(self._wire.render(verdict, place.form, request_id, _time(), close=True))

        arrival = Replied(self._gateway, place, request_id, trace, reply, place.route)
        try:
            self._gateway.admit(place)
        except Refused as refused:
            self._gateway.end(arrival, refusal(refused))
        else:
            detail = _BROKEN.get(why, told[:1].upper() + told[1:] + ".")
            self._gateway.end(arrival, refusal(Refused(status, why.value, detail)))
        return answers[0]

    def _named(self, place: Place, exchange: Exchange) -> tuple[str, traces.Trace]:
        """The request's id and its trace."""
        headers = exchange.headers
        told = headers.get(b"x-request-id")
        trace = traces.begin(place.route, headers.get(b"traceparent"), headers.get(b"tracestate"), spans=self._spans)
        request_id = told.decode("ascii") if told is not None and _REQUEST_ID.fullmatch(told) else trace.request_id
        return request_id, trace
