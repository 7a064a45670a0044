"""One resource by its id: order, shipment, question, payment, the caller."""

from aiohttp import web

from services.sandbox.mercadolibre.caller import Authorised
from services.sandbox.mercadolibre.errors import Refusal
from services.sandbox.mercadolibre.identifiers import is_number, known, must_own, number_of
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.poison import yields_garbage
from services.sandbox.mercadolibre.resources.collection import collection_body
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.question import found_question, question_body
from services.sandbox.mercadolibre.resources.shipment import old_shipment_body, shipment_body, shipment_items
from services.sandbox.mercadolibre.resources.user import public_user_body, user_body
from services.sandbox.mercadolibre.state import Shipment, User
from services.sandbox.wire import json_answer


class ResourceRoutes:
    """Resources of the caller; those of others are refused (403)."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def add_to(self, app: web.Application, authorised: Authorised) -> None:
        app.router.add_get("/users/me", authorised(self._me))
        app.router.add_get("/users/{id:[0-9]+}", authorised(self._user))
        app.router.add_get("/orders/{id}", authorised(self._order))
        app.router.add_get("/shipments/{id}", authorised(self._shipment))
        app.router.add_get("/shipments/{id}/items", authorised(self._shipment_items))
        app.router.add_get("/questions/{id}", authorised(self._question))
        app.router.add_get("/collections/{id}", authorised(self._collection))

    async def _order(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        if not is_number(number):
            raise Refusal(400, "invalid_order_id", f"Invalid order id {number[:40]}")
        if yields_garbage(int(number)):
            return web.Response(body=b'{"id":' + number.encode() + b',"status":"pa', content_type="application/json")
        order = known(self._life.sales.orders.get(int(number)), "order", number)
        must_own(order.seller, user, "not_owned_order")
        return json_answer(order_body(order))

    async def _shipment(self, request: web.Request, user: User) -> web.Response:
        shipment = self._shipment_of(request, user)
        new = request.headers.get("x-format-new", "").lower() == "true"
        return json_answer(shipment_body(shipment) if new else old_shipment_body(shipment))

    async def _shipment_items(self, request: web.Request, user: User) -> web.Response:
        return json_answer(shipment_items(self._shipment_of(request, user)))

    async def _question(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        question = known(self._life.offers.questions.get(number_of(number)), "question", number)
        must_own(question.item.seller, user)
        version_4 = request.query.get("api_version") == "4"
        return json_answer(question_body(question) if version_4 else found_question(question))

    async def _collection(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        payment = known(self._life.sales.payments.get(number_of(number)), "collection", number)
        must_own(payment.order.seller, user)
        return json_answer(collection_body(payment))

    async def _me(self, _request: web.Request, user: User) -> web.Response:
        return json_answer(user_body(user))

    async def _user(self, request: web.Request, user: User) -> web.Response:
        """The caller sees all of himself, of others the public part."""
        number = request.match_info["id"]
        population = self._life.population
        known_users = (one for one in (*population.sellers, *population.buyers) if one.id == number_of(number))
        found = known(next(known_users, None), "user", number)
        return json_answer(user_body(found) if found is user else public_user_body(found))

    def _shipment_of(self, request: web.Request, user: User) -> Shipment:
        number = request.match_info["id"]
        shipment = known(self._life.shipping.shipments.get(number_of(number)), "shipment", number)
        must_own(shipment.order.seller, user)
        return shipment
