"""MercadoLibre's API as we ask it: one account's resources, and the refresh of its tokens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import ApiError, Blocked, Garbage, NotFound, Refused, Unauthorized
from libs.http.tokens import TokenProvider
from libs.marketplaces.mercadolibre.payloads import Owned
from libs.marketplaces.mercadolibre.resources import Resource
from libs.marketplaces.mercadolibre.resources_routes import ROUTES
from libs.marketplaces.payload import Malformed, Payload
from libs.oauth.tokens import Grant, TokenPair

BASE_URL = "https://api.mercadolibre.com"

MISSING = "X-Content-Missing"
"""Header of a 206: names what the answer lacks."""

_NOT_OURS = frozenset({"access_denied", "not_owned_order", "caller.id.invalid"})
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class NotOurs(ApiError):
    """The resource belongs to somebody else: asking again is no use."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A resource as it is now. `missing` names what a partial answer (206) lacks."""

    payload: Owned
    missing: tuple[str, ...] = ()


class MercadoLibre:
    """One account at MercadoLibre. `api` is shared by all accounts: limits and the circuit are the application's."""

    def __init__(self, api: ApiClient, tokens: TokenProvider, user_id: str) -> None:
        self._api = api
        self._tokens = tokens
        self.user_id = user_id

    async def fetch(self, resource: Resource) -> Fetched:
        """The resource's state now. Raises an ApiError; NotOurs if it belongs to another user; Garbage if unreadable.

        A resource that names an owner other than this account's user is NotOurs even where MercadoLibre shows it.
        """
        route = ROUTES[resource.kind]
        operation = f"GET {route.operation}"
        try:
            answer = await self._api.call(
                "GET",
                route.path(resource, self.user_id),
                operation=route.operation,
                tokens=self._tokens,
                headers=route.headers,
                query=route.query,
            )
        except (Blocked, Refused) as error:
            if _codes(error.body) & _NOT_OURS:
                raise NotOurs(operation, reason(error), status=error.status) from error
            raise
        body = route.unwrap(answer.body, resource)
        if body is None and answer.body is not None:
            raise NotFound(operation, "there is none yet", status=answer.status)
        try:
            payload = route.model.read(body)
        except Malformed as error:
            raise Garbage(operation, str(error), status=answer.status) from None
        if payload.id != resource.id:
            raise Garbage(operation, "it answered about another one than was asked for", status=answer.status)
        if payload.owner not in (None, self.user_id):
            raise NotOurs(operation, "it belongs to another user than the account's", status=answer.status)
        missing = answer.headers.get(MISSING, "unnamed") if answer.status == 206 else ""
        return Fetched(payload, tuple(part.strip() for part in missing.split(",") if part.strip()))


_USUAL_LIFE = 21600
_LONGEST_LIFE = 366 * 86400


def _life(told: object) -> int:
    """Seconds; the usual ones for what makes no sense.

    The pair is good for one use: to refuse it for a wrong life would lose the account. A wrong guess costs a refresh.
    """
    if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
        return _USUAL_LIFE
    return min(told, _LONGEST_LIFE)


class _TokenAnswer(Payload):
    """POST /oauth/token."""

    access_token: str = Field(min_length=1)
    refresh_token: str = Field(min_length=1)
    expires_in: Annotated[int, BeforeValidator(_life)] = _USUAL_LIFE


def refresh_grant(api: ApiClient, client_id: str, client_secret: SecretStr) -> Grant:
    """The exchange of a refresh token for a new pair. It is good for one use, so it is never sent twice."""

    async def grant(refresh: str) -> TokenPair:
        form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret.get_secret_value(),
            "refresh_token": refresh,
        }
        try:
            answer = await api.call("POST", "/oauth/token", form=form, repeatable=False)
        except (Refused, Blocked) as error:
            raise Unauthorized(error.operation, reason(error), status=error.status) from error
        try:
            told = _TokenAnswer.read(answer.body)
        except Malformed as error:
            raise Garbage("POST /oauth/token", str(error), status=answer.status) from None
        ends = datetime.now(UTC) + timedelta(seconds=told.expires_in)
        return TokenPair(told.access_token, told.refresh_token, ends)

    return grant


def reason(error: ApiError) -> str:
    """An error answer's codes for people and logs; never its free text, which may hold anything."""
    codes = ", ".join(sorted(_codes(error.body)))
    return f"{error.detail} ({codes})" if codes else error.detail


def _codes(body: Any) -> set[str]:
    if not isinstance(body, Mapping):
        return set()
    told = (body.get(name) for name in ("error", "code", "blocked_by"))
    return {code for code in told if isinstance(code, str) and _CODE.fullmatch(code)}
