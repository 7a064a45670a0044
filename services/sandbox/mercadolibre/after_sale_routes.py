"""Messages, claims, feedback and invoices of the caller."""

from aiohttp import web

from services.sandbox.mercadolibre.caller import Authorised
from services.sandbox.mercadolibre.errors import Refusal, not_the_callers
from services.sandbox.mercadolibre.identifiers import known, must_own, number_of
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.paging import page
from services.sandbox.mercadolibre.resources.claim import claim_body
from services.sandbox.mercadolibre.resources.feedback import feedback_body
from services.sandbox.mercadolibre.resources.invoice import invoice_body
from services.sandbox.mercadolibre.resources.message import conversation_body
from services.sandbox.mercadolibre.state import User
from services.sandbox.wire import json_answer


class AfterSaleRoutes:
    """What follows a sale; what belongs to others is refused (403)."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def add_to(self, app: web.Application, authorised: Authorised) -> None:
        app.router.add_get("/messages/{id}", authorised(self._message))
        app.router.add_get("/messages/packs/{pack}/sellers/{seller}", authorised(self._conversation))
        app.router.add_get("/post-purchase/v1/claims/search", authorised(self._claim_search))
        app.router.add_get("/post-purchase/v1/claims/{id}", authorised(self._claim))
        app.router.add_get("/orders/{id}/feedback", authorised(self._feedback))
        app.router.add_get("/users/{user}/invoices/{id}", authorised(self._invoice))

    async def _message(self, request: web.Request, user: User) -> web.Response:
        _tagged(request)
        name = request.match_info["id"]
        message = known(self._life.after_sale.messages.get(name), "message", name)
        must_own(message.order.seller, user)
        return json_answer(conversation_body(message.order, [message], {"limit": 1, "offset": 0, "total": 1}))

    async def _conversation(self, request: web.Request, user: User) -> web.Response:
        _tagged(request)
        if request.match_info["seller"] != str(user.id):
            raise not_the_callers()
        pack = request.match_info["pack"]
        found = self._life.after_sale.conversation(number_of(pack), user)
        first = known(found[0] if found else None, "conversation", pack)
        messages, paging = page(found, request.query, default=10, most=50)
        return json_answer(conversation_body(first.order, messages, paging))

    async def _claim(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        claim = known(self._life.after_sale.claims.get(number_of(number)), "claim", number)
        must_own(claim.order.seller, user)
        return json_answer(claim_body(claim))

    async def _claim_search(self, request: web.Request, user: User) -> web.Response:
        status = request.query.get("status")
        claims = self._life.after_sale.claims.values()
        found = [claim for claim in claims if claim.order.seller is user and status in (None, claim.status)]
        results, paging = page(found, request.query, default=30, most=100)
        return json_answer({"paging": paging, "data": [claim_body(claim) for claim in results]})

    async def _feedback(self, request: web.Request, user: User) -> web.Response:
        number = request.match_info["id"]
        order = known(self._life.sales.orders.get(number_of(number)), "order", number)
        must_own(order.seller, user, "not_owned_order")
        return json_answer(feedback_body(order))

    async def _invoice(self, request: web.Request, user: User) -> web.Response:
        if request.match_info["user"] != str(user.id):
            raise not_the_callers()
        number = request.match_info["id"]
        invoice = known(self._life.after_sale.invoices.get(number_of(number)), "invoice", number)
        must_own(invoice.order.seller, user)
        return json_answer(invoice_body(invoice))


def _tagged(request: web.Request) -> None:
    if request.query.get("tag") != "post_sale":
        raise Refusal(400, "bad_request", "the parameter tag=post_sale is required")
