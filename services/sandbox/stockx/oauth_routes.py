"""StockX's OAuth, at accounts.stockx.com: the seller's consent (which agrees at once), and the token endpoint."""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from services.sandbox.stockx.switches import Switches
from services.sandbox.stockx.tokens import Tokens
from services.sandbox.wire import json_answer

AUDIENCE = "gateway.stockx.com"
_SCOPES = frozenset({"offline_access", "openid"})


@dataclass(frozen=True, slots=True)
class Client:
    """The application at StockX: its OAuth client, and the key of its API calls."""

    id: str
    secret: str
    redirect_uri: str
    api_key: str


class OAuthRoutes:
    """/authorize and /oauth/token"""

    def __init__(
        self, client: Client, tokens: Tokens, sellers: tuple[str, ...], switches: Callable[[], Switches]
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._sellers = sellers
        self._switches = switches

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/authorize", self._consent)
        app.router.add_post("/oauth/token", self._token)

    async def _consent(self, request: web.Request) -> web.Response:
        """`seller` (ours) says who agrees; without it, the first one. `agree=no` (ours): nobody does."""
        query = request.query
        known = query.get("client_id") == self._client.id and query.get("redirect_uri") == self._client.redirect_uri
        scopes = {*query.get("scope", "").split()}
        if not known or query.get("response_type") != "code" or query.get("audience") != AUDIENCE or scopes - _SCOPES:
            return _oauth_error(400, "invalid_request", "The request is missing a parameter or has an invalid one")
        if query.get("agree") == "no":
            declined = {"error": "access_denied", "error_description": "User did not authorize the request"}
            return self._back(request, declined)
        seller = query.get("seller", self._sellers[0])
        if seller not in self._sellers:
            return _oauth_error(400, "access_denied", "There is no such seller")
        return self._back(request, {"code": self._tokens.code(seller)})

    def _back(self, request: web.Request, told: dict[str, str]) -> web.Response:
        """The browser goes back with what is told, and with the state that it came with."""
        state = {"state": request.query["state"]} if "state" in request.query else {}
        back = URL(self._client.redirect_uri).update_query(told | state)
        return web.Response(status=302, headers={"Location": str(back)})

    async def _token(self, request: web.Request) -> web.Response:
        form = await _form(request)
        given = f"{form.get('client_id')}:{form.get('client_secret')}".encode(errors="replace")
        if not hmac.compare_digest(given, f"{self._client.id}:{self._client.secret}".encode()):
            return _oauth_error(401, "access_denied", "Unauthorized")
        match form.get("grant_type"):
            case "authorization_code":
                return self._for_a_code(form)
            case "refresh_token":
                return self._for_a_refresh_token(form)
        return _oauth_error(403, "unauthorized_client", "Grant type not allowed for the client.")

    def _for_a_code(self, form: Mapping[str, str]) -> web.Response:
        seller = self._tokens.redeem(form.get("code", ""))
        if seller is None or form.get("redirect_uri") != self._client.redirect_uri:
            return _oauth_error(403, "invalid_grant", "Invalid authorization code")
        return self._granted(seller, self._tokens.refresh_token(seller))

    def _for_a_refresh_token(self, form: Mapping[str, str]) -> web.Response:
        seller = self._tokens.refreshable(form.get("refresh_token", ""))
        if seller is None or form.get("audience", AUDIENCE) != AUDIENCE:
            return _oauth_error(403, "invalid_grant", "Unknown or invalid refresh token.")
        return self._granted(seller, self._tokens.rotate(seller) if self._switches().rotating else None)

    def _granted(self, seller: str, refresh: str | None) -> web.Response:
        told: dict[str, str | int] = {
            "access_token": self._tokens.grant(seller),
            "scope": "openid offline_access",
            "expires_in": int(self._tokens.life.total_seconds()),
            "token_type": "Bearer",
        }
        return json_answer(told | ({"refresh_token": refresh} if refresh else {}))


async def _form(request: web.Request) -> Mapping[str, str]:
    """What a token request tells, as a form or as JSON."""
    told: object = await request.post()
    if request.content_type == "application/json":
        try:
            told = json.loads(await request.read())
        except (ValueError, RecursionError):
            told = {}
    return {name: value for name, value in told.items() if isinstance(value, str)} if isinstance(told, Mapping) else {}


def _oauth_error(status: int, error: str, description: str) -> web.Response:
    return json_answer({"error": error, "error_description": description}, status)
