"""StockX's OAuth (an Auth0 tenant): a seller's consent, the exchange of its code, and the refresh of access tokens.

| step    | request at accounts.stockx.com                             | answer                                      |
|---------|------------------------------------------------------------|---------------------------------------------|
| consent | the seller's browser at `/authorize`, our audience         | back at our URL with `code` and `state`     |
| code    | `POST /oauth/token`, `authorization_code`, with the client | a pair; access tokens live 12 hours         |
| refresh | the same, `refresh_token`                                  | a new refresh token, or none: the old stays |

Another host than the API's, so it needs an `ApiClient` of its own, and counts against none of the API's limits.
Source: accounts.stockx.com/.well-known/openid-configuration; audience and scopes as several clients use them.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import Blocked, Garbage, Refused, Unauthorized
from libs.marketplaces.payload import Malformed, Payload
from libs.oauth.tokens import Grant, TokenPair

BASE_URL = "https://accounts.stockx.com"
AUDIENCE = "gateway.stockx.com"

SCOPES = ("offline_access", "openid")
"""The only ones that StockX takes; without `offline_access` there is no refresh token."""

_TOKEN = "/oauth/token"  # noqa: S105  (a path)
_VISIBLE = r"^[\x20-\x7e]+$"  # RFC 6749, appendix A.12 and A.17; what is none could stand in no header
_USUAL_LIFE = 43_200
_LONGEST_LIFE = 30 * 86_400

Clock = Callable[[], datetime]


class StockXApplication(BaseModel):
    """An application at StockX. `accounts_url` is where sellers agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr
    redirect_uri: str = Field(default="", max_length=2000)
    accounts_url: str = BASE_URL
    audience: str = AUDIENCE


def token_client(client_id: str) -> str:
    """What the stored pairs of an application's sellers are filed under (libs.oauth.store), by all services."""
    return f"stockx {client_id}"


def consent_url(application: StockXApplication, state: str) -> str:
    """Where the seller's browser is sent; `state` comes back with the code and must be checked by the caller."""
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": application.redirect_uri,
        "scope": " ".join(SCOPES),
        "audience": application.audience,
        "state": state,
    }
    return f"{application.accounts_url.rstrip('/')}/authorize?{urlencode(query)}"


Exchange = Callable[[str], Awaitable[TokenPair]]
"""Exchanges an authorization code for the account's first pair; raises Unauthorized if it is refused."""


def code_exchange(
    accounts: ApiClient, application: StockXApplication, clock: Clock = lambda: datetime.now(UTC)
) -> Exchange:
    """The exchange of a code, which is good for one use and so never sent twice."""

    async def exchange(code: str) -> TokenPair:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": application.redirect_uri}
        told = await _granted(accounts, application, form)
        if not told.refresh_token:
            raise Garbage(f"POST {_TOKEN}", "a code was exchanged, but the answer has no refresh_token")
        return _pair(told, told.refresh_token, clock())

    return exchange


def refresh_grant(
    accounts: ApiClient, application: StockXApplication, clock: Clock = lambda: datetime.now(UTC)
) -> Grant:
    """The exchange of a refresh token. It may rotate (then the old one is dead), so it is never sent twice."""

    async def grant(refresh: str) -> TokenPair:
        form = {"grant_type": "refresh_token", "audience": application.audience, "refresh_token": refresh}
        told = await _granted(accounts, application, form)
        return _pair(told, told.refresh_token or refresh, clock())

    return grant


def _life(told: object) -> int:
    """Seconds; the usual ones for what makes no sense: a wrong guess costs a refresh, a refusal the account."""
    if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
        return _USUAL_LIFE
    return min(told, _LONGEST_LIFE)


def _none_if_blank(told: object) -> object:
    return None if told == "" else told


class _TokenAnswer(Payload):
    """POST /oauth/token."""

    access_token: str = Field(pattern=_VISIBLE)
    refresh_token: Annotated[str | None, BeforeValidator(_none_if_blank)] = Field(default=None, pattern=_VISIBLE)
    expires_in: Annotated[int, BeforeValidator(_life)] = _USUAL_LIFE


async def _granted(accounts: ApiClient, application: StockXApplication, form: Mapping[str, str]) -> _TokenAnswer:
    client = {"client_id": application.client_id, "client_secret": application.client_secret.get_secret_value()}
    try:
        answer = await accounts.call("POST", _TOKEN, form={**client, **form}, repeatable=False)
    except (Refused, Blocked, Unauthorized) as error:
        code = error.body.get("error") if isinstance(error.body, dict) else None
        named = (
            f" ({code})" if isinstance(code, str) and code.isascii() and code.isprintable() and len(code) < 80 else ""
        )
        raise Unauthorized(error.operation, f"{error.detail}{named}", status=error.status, body=error.body) from error
    try:
        return _TokenAnswer.read(answer.body)
    except Malformed as error:
        raise Garbage(f"POST {_TOKEN}", str(error), status=answer.status) from None


def _pair(told: _TokenAnswer, refresh: str, now: datetime) -> TokenPair:
    return TokenPair(told.access_token, refresh, now + timedelta(seconds=told.expires_in))
