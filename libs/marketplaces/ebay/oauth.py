"""eBay's OAuth: a seller's consent, the exchange of its code, and the refresh of access tokens.

| step    | request                                                         | answer                                   |
|---------|-----------------------------------------------------------------|------------------------------------------|
| consent | the seller's browser at `/oauth2/authorize`, with our RuName    | back at our URL with `code` and `state`  |
| code    | `POST /identity/v1/oauth2/token`, Basic                         | a pair: 2 hours and 18 months            |
| refresh | the same, `grant_type=refresh_token`                            | an access token; the refresh one stays   |

Source: developer.ebay.com, authorization code grant flow (RFC 6749, sections 4.1 and 6).
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import Blocked, Garbage, Refused, Unauthorized
from libs.marketplaces.payload import Malformed, Payload
from libs.oauth.tokens import Grant, TokenPair

AUTHORIZE_URL = "https://auth.ebay.com/oauth2/authorize"

SCOPES = (
    "https://api.ebay.com/oauth/api_scope",
    "https://api.ebay.com/oauth/api_scope/sell.inventory",
    "https://api.ebay.com/oauth/api_scope/sell.fulfillment",
)
"""What the calls of this package need; the Feed API's inventory tasks are within sell.inventory."""

_TOKEN = "/identity/v1/oauth2/token"  # noqa: S105  (a path)
_USUAL_LIFE = 7200
_LONGEST_LIFE = 7 * 86400


class EbayApplication(BaseModel):
    """An application at eBay. `ru_name` is the name under which its redirect URL is registered, not a URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr
    ru_name: str = Field(default="", max_length=256)
    authorize_url: str = AUTHORIZE_URL
    scopes: tuple[str, ...] = SCOPES

    def authorization(self) -> str:
        """The Basic header's value (RFC 7617)."""
        pair = f"{self.client_id}:{self.client_secret.get_secret_value()}"
        return f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"


def token_client(client_id: str) -> str:
    """What the stored pairs of an application's sellers are filed under (libs.oauth.store), by all services."""
    return f"ebay {client_id}"


def consent_url(application: EbayApplication, state: str) -> str:
    """Where the seller's browser is sent; `state` comes back with the code and must be checked by the caller."""
    query = {
        "client_id": application.client_id,
        "response_type": "code",
        "redirect_uri": application.ru_name,
        "scope": " ".join(application.scopes),
        "state": state,
    }
    return f"{application.authorize_url}?{urlencode(query)}"


def _life(told: object) -> int:
    """Seconds; the usual ones for what makes no sense: a wrong guess costs a refresh, a refusal the account."""
    if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
        return _USUAL_LIFE
    return min(told, _LONGEST_LIFE)


class TokenAnswer(Payload):
    """POST /identity/v1/oauth2/token."""

    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: Annotated[int, BeforeValidator(_life)] = _USUAL_LIFE


Exchange = Callable[[str], Awaitable[TokenPair]]
"""Exchanges an authorization code for the account's first pair; raises Unauthorized if it is refused."""


def code_exchange(
    api: ApiClient, application: EbayApplication, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Exchange:
    """The exchange of a code, which is good for one use and for five minutes, so it is never sent twice."""

    async def exchange(code: str) -> TokenPair:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": application.ru_name}
        told = await granted(api, application, form, repeatable=False)
        if not told.refresh_token:
            raise Garbage(f"POST {_TOKEN}", "a code was exchanged, but the answer has no refresh_token")
        return _pair(told, told.refresh_token, clock())

    return exchange


def refresh_grant(
    api: ApiClient,
    application: EbayApplication,
    scopes: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Grant:
    """The exchange of a refresh token for an access token. eBay's do not rotate: the pair keeps the old one.

    No `scopes` means all that the seller agreed to.
    """

    async def grant(refresh: str) -> TokenPair:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        if scopes:
            form["scope"] = " ".join(scopes)
        told = await granted(api, application, form, repeatable=True)
        return _pair(told, told.refresh_token or refresh, clock())

    return grant


async def granted(api: ApiClient, application: EbayApplication, form: dict[str, str], repeatable: bool) -> TokenAnswer:
    headers = {"Authorization": application.authorization()}
    try:
        answer = await api.call("POST", _TOKEN, headers=headers, form=form, repeatable=repeatable)
    except (Refused, Blocked, Unauthorized) as error:
        code = error.body.get("error") if isinstance(error.body, dict) else None
        named = f" ({code})" if isinstance(code, str) and code.isascii() and len(code) < 80 else ""
        raise Unauthorized(error.operation, f"{error.detail}{named}", status=error.status, body=error.body) from error
    try:
        return TokenAnswer.read(answer.body)
    except Malformed as error:
        raise Garbage(f"POST {_TOKEN}", str(error), status=answer.status) from None


def _pair(told: TokenAnswer, refresh: str, now: datetime) -> TokenPair:
    return TokenPair(told.access_token, refresh, now + timedelta(seconds=told.expires_in))
