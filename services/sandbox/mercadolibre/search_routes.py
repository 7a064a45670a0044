"""Lists: the caller's orders and questions, and the notifications that were missed."""

from datetime import UTC, datetime

from aiohttp import web

from services.sandbox.mercadolibre.caller import Authorised
from services.sandbox.mercadolibre.errors import Refusal, not_the_callers
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.missed import MissedFeeds
from services.sandbox.mercadolibre.paging import page
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.question import found_question
from services.sandbox.mercadolibre.state import User
from services.sandbox.wire import json_answer

_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)


class SearchRoutes:
    """/orders/search, /questions/search, /missed_feeds."""

    def __init__(self, life: Life, missed: MissedFeeds, application_id: int) -> None:
        self._life = life
        self._missed = missed
        self._application_id = application_id

    def add_to(self, app: web.Application, authorised: Authorised) -> None:
        app.router.add_get("/orders/search", authorised(self._order_search))
        app.router.add_get("/questions/search", authorised(self._question_search))
        app.router.add_get("/missed_feeds", authorised(self._missed_feeds))

    async def _order_search(self, request: web.Request, user: User) -> web.Response:
        if request.query.get("seller", str(user.id)) != str(user.id):
            raise Refusal(403, "caller.id.invalid", "caller.id does not match seller")
        status = request.query.get("order.status")
        first = _moment(request.query.get("order.date_created.from"), _NEVER)
        last = _moment(request.query.get("order.date_created.to"), _EVER)
        found = [
            order
            for order in self._life.sales.orders.values()
            if order.seller is user and status in (None, order.status) and first <= order.created <= last
        ]
        if request.query.get("sort") == "date_desc":
            found.reverse()
        results, paging = page(found, request.query, default=50, most=50)
        sort = {"id": request.query.get("sort", "date_asc"), "name": "Date"}
        sorts = [{"id": "date_asc", "name": "Date ascending"}, {"id": "date_desc", "name": "Date descending"}]
        body = {
            "query": "",
            "results": [order_body(order) for order in results],
            "sort": sort,
            "available_sorts": sorts,
            "filters": [],
            "paging": paging,
            "display": "complete",
        }
        return json_answer(body)

    async def _question_search(self, request: web.Request, user: User) -> web.Response:
        item, status = request.query.get("item"), request.query.get("status")
        found = [
            found_question(question)
            for question in self._life.offers.questions.values()
            if question.item.seller is user and item in (None, question.item.id) and status in (None, question.status)
        ]
        questions, paging = page(found, request.query, default=50, most=50)
        body = {
            "total": paging["total"],
            "limit": paging["limit"],
            "questions": questions,
            "filters": {"limit": paging["limit"], "offset": paging["offset"], "api_version": "4"},
            "available_filters": [],
            "available_sorts": ["item_id", "from_id", "date_created", "seller_id"],
        }
        return json_answer(body)

    async def _missed_feeds(self, request: web.Request, _user: User) -> web.Response:
        if request.query.get("app_id") != str(self._application_id):
            raise not_the_callers("forbidden")
        topic, site = request.query.get("topic"), request.query.get("site_id")
        if topic == "items" and not site:  # since 2026: the feed of items is kept per site
            raise Refusal(400, "bad_request", "site_id is required for the topic items")
        messages, _ = page(self._missed.found(topic, site), request.query, default=10, most=100)
        return json_answer({"messages": messages})


def _moment(text: str | None, otherwise: datetime) -> datetime:
    try:
        moment = otherwise if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "bad_request", "dates must be in ISO 8601 with an offset") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
