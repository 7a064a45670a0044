"""MercadoLibre's HTTP API."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from services.sandbox.mercadolibre.errors import Refusal, no_token, not_the_callers, refusals, unknown
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.missed import MissedFeeds
from services.sandbox.mercadolibre.paging import page
from services.sandbox.mercadolibre.poison import yields_garbage
from services.sandbox.mercadolibre.resources.collection import collection_body
from services.sandbox.mercadolibre.resources.item import item_body, item_prices
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.question import found_question, question_body
from services.sandbox.mercadolibre.resources.shipment import old_shipment_body, shipment_body, shipment_items
from services.sandbox.mercadolibre.resources.user import user_body
from services.sandbox.mercadolibre.state import Item, Shipment, User
from services.sandbox.mercadolibre.tokens import Tokens
from services.sandbox.wire import json_answer

T = TypeVar("T")
_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)
Answerer = Callable[[web.Request, User], Awaitable[web.Response]]


class Api:
    """The routes, over one world."""

    def __init__(self, life: Life, tokens: Tokens, missed: MissedFeeds) -> None:
        self._life = life
        self._tokens = tokens
        self._missed = missed

    def application(self) -> web.Application:
        app = web.Application(middlewares=[refusals])
        app.router.add_get("/authorization", self._authorize)
        app.router.add_post("/oauth/token", self._token)
        routes: Mapping[str, Answerer] = {
            "/users/me": self._me,
            "/users/{id}/items/search": self._item_search,
            "/orders/search": self._order_search,
            "/orders/{id}": self._order,
            "/shipments/{id}": self._shipment,
            "/shipments/{id}/items": self._shipment_items,
            "/questions/search": self._question_search,
            "/questions/{id}": self._question,
            "/collections/{id}": self._collection,
            "/items": self._items,
            "/items/{id}": self._item,
            "/items/{id}/prices": self._item_prices,
            "/missed_feeds": self._missed_feeds,
        }
        for path, answerer in routes.items():
            app.router.add_get(path, self._authorised(answerer))
        app.router.add_get("/sites/{site}/search", self._site_search)
        app.router.add_route("*", "/{tail:.*}", self._nothing)
        return app

    def _authorised(self, answerer: Answerer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise no_token()
            user = self._life.population.seller(self._tokens.user_of(token))
            if user is None:
                raise not_the_callers("invalid_operator_user_id")
            return await answerer(request, user)

        return handler

    async def _authorize(self, request: web.Request) -> web.Response:
        """The page where a seller agrees. He always does; `user_id` (ours) says who, else it is the first seller."""
        query, application = request.query, self._tokens.application
        if query.get("client_id") != str(application.id) or query.get("response_type") != "code":
            raise Refusal(400, "invalid_request", "client_id and response_type=code are required parameters")
        if query.get("redirect_uri") != application.redirect_uri:
            raise Refusal(400, "invalid_request", "redirect_uri does not match the one of the application")
        challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
        if method not in ("plain", "S256") or (application.pkce_required and challenge is None):
            raise Refusal(400, "invalid_request", "code_challenge with the method S256 or plain is required")
        sellers = self._life.population.sellers
        user = self._known(self._life.population.seller(_number(query.get("user_id", str(sellers[0].id)))), "user", "")
        code = self._tokens.authorize(user.id, application.redirect_uri, challenge, method)
        back = {"code": code, **({"state": query["state"]} if "state" in query else {})}
        return web.Response(status=302, headers={"Location": f"{application.redirect_uri}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        return json_answer(self._tokens.grant(form))

    async def _me(self, _request: web.Request, user: User) -> web.Response:
        return json_answer(user_body(user))

    async def _order(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        if not _is_number(number):
            raise Refusal(400, "invalid_order_id", f"Invalid order id {number[:40]}")
        if yields_garbage(int(number)):
            return web.Response(body=b'{"id":' + number.encode() + b',"status":"pa', content_type="application/json")
        order = self._known(self._life.sales.orders.get(int(number)), "order", number)
        _own(order.seller, user, "not_owned_order")
        return json_answer(order_body(order))

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

    async def _shipment(self, request: web.Request, user: User) -> web.Response:
        shipment = self._shipment_of(request, user)
        new = request.headers.get("x-format-new", "").lower() == "true"
        return json_answer(shipment_body(shipment) if new else old_shipment_body(shipment))

    async def _shipment_items(self, request: web.Request, user: User) -> web.Response:
        return json_answer(shipment_items(self._shipment_of(request, user)))

    async def _question(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        question = self._known(self._life.offers.questions.get(_number(number)), "question", number)
        _own(question.item.seller, user)
        version_4 = request.query.get("api_version") == "4"
        return json_answer(question_body(question) if version_4 else found_question(question))

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

    async def _collection(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        payment = self._known(self._life.sales.payments.get(_number(number)), "collection", number)
        _own(payment.order.seller, user)
        return json_answer(collection_body(payment))

    async def _item(self, request: web.Request, user: User) -> web.Response:
        return json_answer(_chosen(item_body(self._item_of(request.match_info["id"], user)), request))

    async def _item_prices(self, request: web.Request, user: User) -> web.Response:
        return json_answer(item_prices(self._item_of(request.match_info["id"], user)))

    async def _items(self, request: web.Request, user: User) -> web.Response:
        """Several at once (at most 20): each with a code and a body of its own."""
        ids = [each for each in request.query.get("ids", "").split(",") if each]
        if not ids or len(ids) > 20:
            raise Refusal(400, "bad_request", "ids must name 1 to 20 items")
        answers: list[dict[str, Any]] = []
        for each in ids:
            try:
                answers.append({"code": 200, "body": _chosen(item_body(self._item_of(each, user)), request)})
            except Refusal as refusal:
                answers.append({"code": refusal.status, "body": refusal.body})
        return json_answer(answers)

    async def _item_search(self, request: web.Request, user: User) -> web.Response:
        if request.match_info["id"] != str(user.id):
            raise not_the_callers("forbidden")
        status = request.query.get("status")
        own = [item for item in self._life.population.items.values() if item.seller is user]
        ids = [item.id for item in own if status in (None, item_body(item)["status"])]
        results, paging = page(ids, request.query, default=50, most=100)
        body = {"seller_id": str(user.id), "query": None, "paging": paging, "results": results, "orders": []}
        return json_answer({**body, "available_orders": []})

    async def _missed_feeds(self, request: web.Request, _user: User) -> web.Response:
        if request.query.get("app_id") != str(self._tokens.application.id):
            raise not_the_callers("forbidden")
        messages, _ = page(self._missed.found(request.query.get("topic")), request.query, default=10, most=100)
        return json_answer({"messages": messages})

    async def _site_search(self, _request: web.Request) -> web.Response:
        raise Refusal(403, "forbidden", "forbidden")  # closed for everybody since April 2025

    async def _nothing(self, _request: web.Request) -> web.Response:
        raise Refusal(404, "not_found", "resource not found")

    def _shipment_of(self, request: web.Request, user: User) -> Shipment:
        number = request.match_info["id"]
        shipment = self._known(self._life.shipping.shipments.get(_number(number)), "shipment", number)
        _own(shipment.order.seller, user)
        return shipment

    def _item_of(self, item_id: str, user: User) -> Item:
        item = self._life.population.items.get(item_id)
        if item is None:
            raise Refusal(404, "not_found", f"Item with id {item_id} not found")
        _own(item.seller, user)
        return item

    def _known(self, thing: T | None, what: str, number: str) -> T:
        if thing is None:
            raise unknown(what, number)
        return thing


def _own(owner: User, user: User, error: str = "access_denied") -> None:
    if owner is not user:
        raise not_the_callers(error)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _number(text: str) -> int:
    """The id, or one that nothing has."""
    return int(text) if _is_number(text) else -1


def _moment(text: str | None, otherwise: datetime) -> datetime:
    try:
        moment = otherwise if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "bad_request", "dates must be in ISO 8601 with an offset") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chosen(body: dict[str, Any], request: web.Request) -> dict[str, Any]:
    """Only the keys named by `attributes`, if any are."""
    wanted = [name for name in request.query.get("attributes", "").split(",") if name]
    return {name: body[name] for name in wanted if name in body} if wanted else body
