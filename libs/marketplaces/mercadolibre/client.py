"""MercadoLibre's API as we ask it: one account's resources."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import ApiError, Blocked, Garbage, NotFound, Refused, Unauthorized
from libs.http.tokens import TokenProvider
from libs.marketplaces.mercadolibre.payloads import Owned
from libs.marketplaces.mercadolibre.resources import Resource
from libs.marketplaces.mercadolibre.resources_routes import ROUTES
from libs.marketplaces.payload import Malformed

BASE_URL = "https://api.mercadolibre.com"

MISSING = "X-Content-Missing"
"""Header of a 206: names what the answer lacks."""

BLOCK_CODE = "x-policy-agent-block-code"
"""Header of a 403 by MercadoLibre's firewall: which rule it was."""

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

    async def ask(self, path: str, *, operation: str | None = None, query: Mapping[str, str] | None = None) -> Answer:
        """GET something that is no resource of ours to be told of, as this account. Raises an ApiError.

        `operation` is the route's template where the path holds an id.
        """
        return await self._api.call("GET", path, operation=operation, tokens=self._tokens, query=query)

    async def write(self, method: str, path: str, *, operation: str, body: Mapping[str, Any]) -> Answer:
        """POST or PUT something of our own, as this account. Raises an ApiError; a POST is never sent twice."""
        return await self._api.call(method, path, operation=operation, tokens=self._tokens, body=dict(body))

    async def ask_openly(
        self, path: str, *, operation: str | None = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        """The same for what may be public: where it is forbidden (403) with a token, it is asked without one."""
        try:
            return await self.ask(path, operation=operation, query=query)
        except Blocked as refused:
            try:
                return await self._api.call("GET", path, operation=operation, query=query)
            except (Unauthorized, Blocked) as error:
                # What counts is why the token was refused, unless only the second answer names the policy.
                raise error if isinstance(error, Blocked) and BLOCK_CODE in error.headers else refused from None

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


def reason(error: ApiError) -> str:
    """An error answer's codes for people and logs; never its free text, which may hold anything."""
    codes = ", ".join(sorted(_codes(error.body)))
    return f"{error.detail} ({codes})" if codes else error.detail


def _codes(body: Any) -> set[str]:
    if not isinstance(body, Mapping):
        return set()
    told = (body.get(name) for name in ("error", "code", "blocked_by"))
    return {code for code in told if isinstance(code, str) and _CODE.fullmatch(code)}
