"""What was sent: the record of deliveries, for a checker to compare with what arrived."""

from itertools import islice

from aiohttp import web

from libs.http.server import Problem
from services.sandbox.control_requests import whole_number
from services.sandbox.delivery import Delivery, State
from services.sandbox.notifier import Notifier
from services.sandbox.wire import json_answer


class SentRoutes:
    """/_sent"""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/_sent", self._sent)
        app.router.add_get("/_sent/summary", self._sent_summary)
        app.router.add_get("/_sent/{id:[0-9]+}", self._one_sent)

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
                and delivery.number > whole_number(request, "after", 0)
            )

        found = filter(wanted, self._notifier.sent)
        offset, limit = whole_number(request, "offset", 0), whole_number(request, "limit", 1000)
        return json_answer({"deliveries": [each.shown() for each in islice(found, offset, offset + limit)]})

    async def _sent_summary(self, _request: web.Request) -> web.Response:
        return json_answer(self._notifier.sent.summary())

    async def _one_sent(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        delivery = next((each for each in self._notifier.sent if each.number == number), None)
        if delivery is None:
            raise Problem(404, f"There is no delivery {number}, or it is forgotten already.")
        waits = self._notifier.channels[delivery.marketplace].waits
        body = delivery.notice.request(delivery.attempt(max(1, len(delivery.attempts)), waits)).body
        return json_answer({**delivery.shown(), "body": body.decode("utf-8", "backslashreplace")})
