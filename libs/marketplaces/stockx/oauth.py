"""StockX's OAuth (an Auth0 tenant): a seller's consent, the exchange of its code, and the refresh of access tokens.

| step    | request at accounts.stockx.com                             | answer                                      |
|---------|------------------------------------------------------------|---------------------------------------------|
| consent | the seller's browser at `/authorize`, our audience         | back at our URL with `code` and `state`     |
| code    | `POST /oauth/token`, `authorization_code`, with the client | a pair; access tokens live 12 hours         |
| refresh | the same, `refresh_token`                                  | a new refresh token, or none: the old stays |

Another host than the API's, so it needs an `ApiClient` of its own, and counts against none of the API's limits.
Source: accounts.stockx.com/.well-known/openid-configuration; audience and scopes as several clients use them.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.marketplaces.token_endpoint import Clock, Exchange, TokenEndpoint
from libs.oauth.tokens import Grant, TokenPair

BASE_URL = "https://accounts.stockx.com"
AUDIENCE = "gateway.stockx.com"

SCOPES = ("offline_access", "openid")
"""The only ones that StockX takes; without `offline_access` there is no refresh token."""

_TOKENS = TokenEndpoint("/oauth/token", usual_life=43_200, longest_life=30 * 86_400)


class StockXApplication(BaseModel):
    """An application at StockX. `accounts_url` is where sellers agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr
    redirect_uri: str = Field(default="", max_length=2000)
    accounts_url: str = BASE_URL
    audience: str = AUDIENCE

    def client(self) -> dict[str, str]:
        """How it proves itself, in the form."""
        return {"client_id": self.client_id, "client_secret": self.client_secret.get_secret_value()}


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


def code_exchange(
    accounts: ApiClient, application: StockXApplication, clock: Clock = lambda: datetime.now(UTC)
) -> Exchange:
    """The exchange of a code, which is good for one use and so never sent twice."""

    async def exchange(code: str) -> TokenPair:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": application.redirect_uri}
        return await _TOKENS.exchange(accounts, {**application.client(), **form}, clock)

    return exchange


def refresh_grant(
    accounts: ApiClient, application: StockXApplication, clock: Clock = lambda: datetime.now(UTC)
) -> Grant:
    """The exchange of a refresh token. It may rotate (then the old one is dead), so it is never sent twice."""

    async def grant(refresh: str) -> TokenPair:
        form = {**application.client(), "audience": application.audience}
        return await _TOKENS.refresh(accounts, form, refresh, clock, repeatable=False)

    return grant
