"""MercadoLibre's authorization page and token endpoint."""

from urllib.parse import urlencode

from aiohttp import web

from services.sandbox.mercadolibre.errors import Refusal, unknown
from services.sandbox.mercadolibre.identifiers import number_of
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.tokens import Tokens
from services.sandbox.wire import json_answer


class OAuthRoutes:
    """/authorization and /oauth/token."""

    def __init__(self, population: Population, tokens: Tokens) -> None:
        self._population = population
        self._tokens = tokens

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/authorization", self._authorize)
        app.router.add_post("/oauth/token", self._token)

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
        who = query.get("user_id", str(self._population.sellers[0].id))
        user = self._population.seller(number_of(who))
        if user is None:
            raise unknown("user", who[:40])
        code = self._tokens.authorize(user.id, application.redirect_uri, challenge, method)
        back = {"code": code, **({"state": query["state"]} if "state" in query else {})}
        return web.Response(status=302, headers={"Location": f"{application.redirect_uri}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        return json_answer(self._tokens.grant(form))
