"""A marketplace's OAuth token endpoint: how it is asked, and how its answer is read (RFC 6749, sections 3.2 and 5).

An access token's life that makes no sense is replaced by the usual one: a wrong guess costs a refresh, a refusal the
account, since what was exchanged may be spent.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.http.client import ApiClient
from libs.http.errors import Blocked, Garbage, Refused, Unauthorized
from libs.marketplaces.payload import Malformed, Payload
from libs.oauth.tokens import TokenPair

Clock = Callable[[], datetime]

Exchange = Callable[[str], Awaitable[TokenPair]]
"""Exchanges an authorization code for the account's first pair; raises Unauthorized if it is refused."""


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token with its life, and the refresh token that came with it, if one did."""

    access: str
    refresh: str | None
    life: timedelta


Token = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
"""RFC 6749, appendix A.12 and A.17. What is none could stand in no header."""


def _none_if_blank(told: object) -> object:
    return None if told == "" else told


class _Answer(Payload):
    """RFC 6749, section 5.1."""

    access_token: Token
    refresh_token: Annotated[Token | None, BeforeValidator(_none_if_blank)] = None
    expires_in: Any = None


def seconds_of_life(told: object, usual: int, longest: int) -> int:
    """`expires_in`, or the usual life where that makes no sense."""
    if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
        return usual
    return min(told, longest)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """POST `path`. Access tokens live `usual_life` seconds; longer than `longest_life` is not believed."""

    path: str
    usual_life: int
    longest_life: int

    async def exchange(
        self, api: ApiClient, form: Mapping[str, str], now: Clock, headers: Mapping[str, str] | None = None
    ) -> TokenPair:
        """The first pair for what is good for one use, so it is never sent twice. Raises an ApiError."""
        granted = await self.grant(api, form, repeatable=False, headers=headers)
        if not granted.refresh:
            raise Garbage(f"POST {self.path}", "a code was exchanged, but the answer has no refresh_token")
        return TokenPair(granted.access, granted.refresh, now() + granted.life)

    async def refresh(
        self,
        api: ApiClient,
        form: Mapping[str, str],
        refresh: str,
        now: Clock,
        *,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
    ) -> TokenPair:
        """The pair for a refresh token, which stays where no other one comes. Raises an ApiError."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh, **form}
        granted = await self.grant(api, form, repeatable=repeatable, headers=headers)
        return TokenPair(granted.access, granted.refresh or refresh, now() + granted.life)

    async def grant(
        self, api: ApiClient, form: Mapping[str, str], *, repeatable: bool, headers: Mapping[str, str] | None = None
    ) -> Granted:
        """Whatever the form asks for. Raises an ApiError; Unauthorized with OAuth's `error` where it is refused."""
        try:
            answer = await api.call("POST", self.path, headers=headers, form=form, repeatable=repeatable)
        except (Refused, Blocked, Unauthorized) as error:
            code = error.body.get("error") if isinstance(error.body, dict) else None
            named = isinstance(code, str) and code.isascii() and code.isprintable() and len(code) < 80
            detail = f"{error.detail} ({code})" if named else error.detail
            raise Unauthorized(error.operation, detail, status=error.status, body=error.body) from error
        try:
            told = _Answer.read(answer.body)
        except Malformed as error:
            raise Garbage(f"POST {self.path}", str(error), status=answer.status) from None
        life = seconds_of_life(told.expires_in, self.usual_life, self.longest_life)
        return Granted(told.access_token, told.refresh_token, timedelta(seconds=life))
