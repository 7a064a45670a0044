"""Login with Amazon: access tokens of an hour for sellers' refresh tokens, which stay. Sellers, and who is calling."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from services.sandbox.amazon.errors import no_access
from services.sandbox.clock import Clock
from services.sandbox.seeded import secret
from services.sandbox.wire import json_answer


@dataclass(frozen=True, slots=True)
class Client:
    """The application: its Login with Amazon client."""

    id: str
    secret: str


class Tokens:
    """The sellers by their ids, and their tokens, which live `life` of sandbox time."""

    def __init__(self, seed: int, clock: Clock, client: Client, sellers: tuple[str, ...], life: timedelta) -> None:
        self._seed = seed
        self._clock = clock
        self._life = life
        self.client = client
        self.sellers = sellers
        self._access: dict[str, tuple[str, datetime]] = {}
        self._issued = 0

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/auth/o2/token", self._token)

    def refresh_token(self, seller: str) -> str:
        return f"Atzr|{secret(self._seed, f'amazon refresh token {seller}', 64)}"

    def calling(self, request: web.Request) -> str:
        """The seller whose token a request bears; raise Refusal."""
        seller, ends = self._access.get(request.headers.get("x-amz-access-token", ""), ("", self._clock.now()))
        if ends <= self._clock.now():
            raise no_access()
        return seller

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        given = f"{form.get('client_id')}:{form.get('client_secret')}".encode()
        if not hmac.compare_digest(given, f"{self.client.id}:{self.client.secret}".encode()):
            return _refused(401, "invalid_client", "Client authentication failed")
        if form.get("grant_type") != "refresh_token":
            return _refused(400, "unsupported_grant_type", "The authorization grant type is not supported")
        return self._granted(form)

    def _granted(self, form: Mapping[str, str]) -> web.Response:
        refresh = form.get("refresh_token", "")
        seller = next((each for each in self.sellers if self.refresh_token(each) == refresh), None)
        if seller is None:
            return _refused(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
        self._issued += 1
        token = f"Atza|{secret(self._seed, f'amazon access token {self._issued}', 64)}"
        now = self._clock.now()
        self._access = {each: held for each, held in self._access.items() if held[1] > now}
        self._access[token] = (seller, now + self._life)
        told = {"access_token": token, "refresh_token": refresh, "token_type": "bearer"}
        return json_answer({**told, "expires_in": int(self._life.total_seconds())})


def _refused(status: int, error: str, description: str) -> web.Response:
    return json_answer({"error": error, "error_description": description}, status)
