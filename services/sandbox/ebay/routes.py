"""eBay's HTTP API, as far as the receiver of notifications needs it: application tokens and public keys."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.ebay.errors import bad_token, error_answer, no_token
from services.sandbox.ebay.keys import Keys
from services.sandbox.seeded import secret
from services.sandbox.wire import json_answer

TOKEN_LIFE = timedelta(seconds=7200)


@dataclass(frozen=True, slots=True)
class Client:
    """The application at eBay."""

    id: str
    secret: str


class Api:
    """The routes."""

    def __init__(self, seed: int, clock: Clock, client: Client, keys: Keys) -> None:
        self._seed = seed
        self._clock = clock
        self._client = client
        self._keys = keys
        self._tokens: dict[str, datetime] = {}
        self._issued = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/identity/v1/oauth2/token", self._token)
        app.router.add_get("/commerce/notification/v1/public_key/{kid}", self._public_key)
        app.router.add_route("*", "/{tail:.*}", self._nothing)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        if not self._is_client(request.headers.get("Authorization", "")):
            return _oauth_error(401, "invalid_client", "client authentication failed")
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "grant type in request is not supported by the server")
        if not form.get("scope"):
            return _oauth_error(400, "invalid_scope", "The requested scope is invalid, unknown or malformed")
        self._issued += 1
        token = f"v^1.1#i^1#{secret(self._seed, f'ebay token {self._issued}', 64)}"
        now = self._clock.now()
        self._tokens = {each: ends for each, ends in self._tokens.items() if ends > now}
        self._tokens[token] = now + TOKEN_LIFE
        seconds = int(TOKEN_LIFE.total_seconds())
        return json_answer({"access_token": token, "expires_in": seconds, "token_type": "Application Access Token"})

    def _is_client(self, authorization: str) -> bool:
        try:
            given = base64.b64decode(authorization.removeprefix("Basic "), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self._client.id}:{self._client.secret}".encode())

    async def _public_key(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return no_token()
        if self._tokens.get(token, self._clock.now()) <= self._clock.now():
            return bad_token()
        pem = self._keys.public_pem(request.match_info["kid"])
        if pem is None:
            return error_answer(404, 195001, "API_NOTIFICATION", "The requested key was not found.")
        return json_answer({"algorithm": "ECDSA", "digest": "SHA1", "key": pem})

    async def _nothing(self, _request: web.Request) -> web.Response:
        return error_answer(404, 2002, "ACCESS", "Resource not found")


def _oauth_error(status: int, error: str, description: str) -> web.Response:
    return json_answer({"error": error, "error_description": description}, status)
