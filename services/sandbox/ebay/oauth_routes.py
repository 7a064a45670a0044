"""eBay's OAuth: the seller's consent page (which agrees at once), and the token endpoint."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from services.sandbox.ebay.sellers import Sellers
from services.sandbox.ebay.tokens import APPLICATION
from services.sandbox.wire import json_answer

_REFRESH_SECONDS = 47_304_000


@dataclass(frozen=True, slots=True)
class Client:
    """The application at eBay. `redirect_url` is what its RuName stands for."""

    id: str
    secret: str
    ru_name: str = "Sandbox_sellstre-Sandbox-sellst-sandbox"
    redirect_url: str = "http://127.0.0.1:8098/oauth/ebay"


class OAuthRoutes:
    """/oauth2/authorize (of auth.ebay.com) and /identity/v1/oauth2/token"""

    def __init__(self, client: Client, sellers: Sellers) -> None:
        self._client = client
        self._sellers = sellers

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/oauth2/authorize", self._consent)
        app.router.add_post("/identity/v1/oauth2/token", self._token)

    async def _consent(self, request: web.Request) -> web.Response:
        """`seller` (ours) says who agrees; without it, the first one."""
        query = request.query
        known = query.get("client_id") == self._client.id and query.get("redirect_uri") == self._client.ru_name
        if not known or query.get("response_type") != "code" or not query.get("scope"):
            return _oauth_error(400, "invalid_request", "The request is missing a parameter or has an invalid one")
        seller = query.get("seller", self._sellers.first.username)
        if seller not in self._sellers.by_name:
            return _oauth_error(400, "access_denied", "There is no such seller")
        back = {"code": self._sellers.tokens.code(seller), "expires_in": "299"}
        if "state" in query:
            back["state"] = query["state"]
        return web.Response(status=302, headers={"Location": str(URL(self._client.redirect_url).update_query(back))})

    async def _token(self, request: web.Request) -> web.Response:
        if not self._is_client(request.headers.get("Authorization", "")):
            return _oauth_error(401, "invalid_client", "client authentication failed")
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_the_application(form)
            case "authorization_code":
                return self._for_a_code(form)
            case "refresh_token":
                return self._for_a_refresh_token(form)
        return _oauth_error(400, "unsupported_grant_type", "grant type in request is not supported by the server")

    def _for_the_application(self, form: Mapping[str, str]) -> web.Response:
        if not form.get("scope"):
            return _oauth_error(400, "invalid_scope", "The requested scope is invalid, unknown or malformed")
        return self._granted(APPLICATION, "Application Access Token", refresh=False)

    def _for_a_code(self, form: Mapping[str, str]) -> web.Response:
        seller = self._sellers.tokens.redeem(form.get("code", ""))
        if seller is None or form.get("redirect_uri") != self._client.ru_name:
            return _oauth_error(400, "invalid_grant", "the provided authorization grant code is invalid")
        return self._granted(seller, "User Access Token", refresh=True)

    def _for_a_refresh_token(self, form: Mapping[str, str]) -> web.Response:
        seller = self._sellers.tokens.refreshable(form.get("refresh_token", ""))
        if seller is None:
            told = "the provided authorization refresh token is invalid or was issued to another client"
            return _oauth_error(400, "invalid_grant", told)
        return self._granted(seller, "User Access Token", refresh=False)

    def _granted(self, holder: str, kind: str, *, refresh: bool) -> web.Response:
        tokens = self._sellers.tokens
        seconds = int(tokens.life.total_seconds())
        told: dict[str, str | int] = {"access_token": tokens.grant(holder), "expires_in": seconds, "token_type": kind}
        if refresh:
            told |= {"refresh_token": tokens.refresh_token(holder), "refresh_token_expires_in": _REFRESH_SECONDS}
        return json_answer(told)

    def _is_client(self, authorization: str) -> bool:
        try:
            given = base64.b64decode(authorization.removeprefix("Basic "), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self._client.id}:{self._client.secret}".encode())


def _oauth_error(status: int, error: str, description: str) -> web.Response:
    return json_answer({"error": error, "error_description": description}, status)
