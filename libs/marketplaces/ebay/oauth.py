"""eBay's OAuth: a seller's consent, the exchange of its code, and the refresh of access tokens.

| step    | request                                                         | answer                                   |
|---------|-----------------------------------------------------------------|------------------------------------------|
| consent | the seller's browser at `/oauth2/authorize`, with our RuName    | back at our URL with `code` and `state`  |
| code    | `POST /identity/v1/oauth2/token`, Basic                         | a pair: 2 hours and 18 months            |
| refresh | the same, `grant_type=refresh_token`                            | an access token; the refresh one stays   |

Source: developer.ebay.com, authorization code grant flow (RFC 6749, sections 4.1 and 6).
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.marketplaces.token_endpoint import Clock, Exchange, TokenEndpoint
from libs.oauth.tokens import Grant, TokenPair

AUTHORIZE_URL = "https://auth.ebay.com/oauth2/authorize"

SCOPES = (
    "https://api.ebay.com/oauth/api_scope",
    "https://api.ebay.com/oauth/api_scope/sell.inventory",
    "https://api.ebay.com/oauth/api_scope/sell.fulfillment",
)
"""What the calls of this package need; the Feed API's inventory tasks are within sell.inventory."""

TOKENS = TokenEndpoint("/identity/v1/oauth2/token", usual_life=7200, longest_life=7 * 86400)


class EbayApplication(BaseModel):
    """An application at eBay. `ru_name` is the name under which its redirect URL is registered, not a URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr
    ru_name: str = Field(default="", max_length=256)
    authorize_url: str = AUTHORIZE_URL
    scopes: tuple[str, ...] = SCOPES

    def headers(self) -> dict[str, str]:
        """How it proves itself: Basic (RFC 7617)."""
        pair = f"{self.client_id}:{self.client_secret.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}


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


def code_exchange(api: ApiClient, application: EbayApplication, clock: Clock = lambda: datetime.now(UTC)) -> Exchange:
    """The exchange of a code, which is good for one use and for five minutes, so it is never sent twice."""

    async def exchange(code: str) -> TokenPair:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": application.ru_name}
        return await TOKENS.exchange(api, form, clock, application.headers())

    return exchange


def refresh_grant(
    api: ApiClient,
    application: EbayApplication,
    scopes: Sequence[str] = (),
    clock: Clock = lambda: datetime.now(UTC),
) -> Grant:
    """The exchange of a refresh token for an access token. eBay's do not rotate: the pair keeps the old one.

    No `scopes` means all that the seller agreed to.
    """

    async def grant(refresh: str) -> TokenPair:
        form = {"scope": " ".join(scopes)} if scopes else {}
        return await TOKENS.refresh(api, form, refresh, clock, repeatable=True, headers=application.headers())

    return grant
