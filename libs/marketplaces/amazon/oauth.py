"""Login with Amazon: the exchange of a seller's refresh token for access tokens of an hour.

| step    | request at api.amazon.com                           | answer                                           |
|---------|-----------------------------------------------------|--------------------------------------------------|
| refresh | `POST /auth/o2/token`, `grant_type=refresh_token`   | an access token, 3600 s; the refresh token stays |

Another host than the API's, so it needs an `ApiClient` of its own. Source: SP-API, "Connect to the SP-API".
"""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.marketplaces.token_endpoint import Clock, TokenEndpoint
from libs.oauth.tokens import Grant, TokenPair

BASE_URL = "https://api.amazon.com"

_TOKENS = TokenEndpoint("/auth/o2/token", usual_life=3600, longest_life=86_400)


class AmazonApplication(BaseModel):
    """An application at Amazon: its Login with Amazon client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr


def token_client(application: AmazonApplication) -> str:
    """What the stored pairs of this application's sellers are filed under (libs.oauth.store)."""
    return f"amazon/{application.client_id}"


def refresh_grant(login: ApiClient, application: AmazonApplication, clock: Clock = lambda: datetime.now(UTC)) -> Grant:
    """The exchange of a refresh token, which does not rotate: the pair keeps the old one."""

    async def grant(refresh: str) -> TokenPair:
        secret = application.client_secret.get_secret_value()
        form = {"client_id": application.client_id, "client_secret": secret}
        return await _TOKENS.refresh(login, form, refresh, clock, repeatable=True)

    return grant
