"""GET /mercadolibre/oauth/authorize and /callback: a person lets our application act for his account."""

import re
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel, Field

from libs.http.client import ApiClient
from libs.http.errors import ApiError, Unauthorized
from libs.http.openapi import Operation, Reply, Route
from libs.marketplaces.mercadolibre.client import reason
from libs.marketplaces.mercadolibre.oauth import Application, authorization_url, exchange_code
from libs.oauth.accounts import AuthorizedAccounts
from libs.oauth.pkce import new_proof
from libs.oauth.states import PostgresStates
from libs.telemetry.log import get_logger, masked
from services.mercadolibre_api.answers import NotDone, answering, failures

log = get_logger()

_STATE = re.compile(r"[A-Za-z0-9_-]{1,255}")
_PRIVATE = {"Cache-Control": "no-store"}
NOT_CONFIGURED = "No application is configured: set ML_CLIENT_ID, ML_CLIENT_SECRET and ML_REDIRECT_URI."


class CallbackQuery(BaseModel):
    """What MercadoLibre sends the person back with."""

    code: str = Field(description="The authorization code")
    state: str = Field(description="The state that the person was sent with")


class Saved(BaseModel):
    """The account's tokens are stored."""

    ok: bool = True
    saved: bool = True
    user_id: str


@dataclass(frozen=True)
class Authorization:
    """What the flow needs. `page` is the country's authorization page."""

    application: Application
    page: str
    states: PostgresStates
    accounts: AuthorizedAccounts
    api: ApiClient


def routes(authorization: Authorization | None) -> tuple[Route, ...]:
    """The flow; without an application both routes say that it is not configured."""
    flow = _Flow(authorization)
    authorize = Operation(
        "Send a person to authorise us",
        "Makes a state and a PKCE verifier (S256), keeps them, and redirects to MercadoLibre's authorization page.",
        replies={302: Reply("MercadoLibre's authorization page", headers={"Location": "The page"})}
        | failures(s500="No application is configured", s503="Our database does not answer"),
    )
    callback = Operation(
        "Take a person's authorisation in",
        "A state works once and expires. The code is exchanged for tokens, which are stored encrypted.",
        query=CallbackQuery,
        replies={200: Reply("The tokens are stored", Saved)}
        | failures(
            s400="Missing code/state, Invalid/expired state, or a code that MercadoLibre refuses",
            s500="No application is configured",
            s502="MercadoLibre did not answer the exchange: begin again",
            s503="Our database does not answer",
        ),
    )
    return (
        Route("GET", "/mercadolibre/oauth/authorize", answering(flow.authorize), authorize),
        Route("GET", "/mercadolibre/oauth/callback", answering(flow.callback), callback),
    )


class _Flow:
    def __init__(self, authorization: Authorization | None) -> None:
        self._configured = authorization

    @property
    def _parts(self) -> Authorization:
        if self._configured is None:
            raise NotDone(500, NOT_CONFIGURED)
        return self._configured

    async def authorize(self, _request: web.Request) -> web.Response:
        parts, proof = self._parts, new_proof()
        await parts.states.put(proof)
        location = authorization_url(parts.page, parts.application, proof)
        return web.Response(status=302, headers={"Location": location, **_PRIVATE})

    async def callback(self, request: web.Request) -> web.Response:
        parts = self._parts
        code, state = request.query.get("code"), request.query.get("state")
        if not code or not state:
            raise NotDone(400, "Missing code/state")
        proof = await parts.states.take(state) if _STATE.fullmatch(state) else None
        if proof is None:
            raise NotDone(400, "Invalid/expired state")
        try:
            agreement = await exchange_code(parts.api, parts.application, code, proof)
        except Unauthorized as error:
            raise NotDone(400, f"MercadoLibre refuses the code: {reason(error)}. Begin again.") from error
        except ApiError as error:
            raise NotDone(502, f"The code could not be exchanged: {reason(error)}. Begin again.") from error
        try:
            await parts.accounts.authorize(agreement.user_id, agreement.pair)
        except ApiError as error:
            raise NotDone(503, f"The tokens could not be stored: {error.detail}. Begin again.") from error
        log.info("account authorised", user_id=agreement.user_id, token=masked(agreement.pair.access))
        return web.json_response(Saved(user_id=agreement.user_id).model_dump(), headers=_PRIVATE)
