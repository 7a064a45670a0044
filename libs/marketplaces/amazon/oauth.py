"""Login with Amazon: the exchange of a seller's refresh token for access tokens of an hour.

| step    | request at api.amazon.com                           | answer                                           |
|---------|-----------------------------------------------------|--------------------------------------------------|
| refresh | `POST /auth/o2/token`, `grant_type=refresh_token`   | an access token, 3600 s; the refresh token stays |

Another host than the API's, so it needs an `ApiClient` of its own. Source: SP-API, "Connect to the SP-API".
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import Blocked, Garbage, Refused, Unauthorized
from libs.marketplaces.payload import Malformed, Payload
from libs.oauth.tokens import Grant, TokenPair

BASE_URL = "https://api.amazon.com"

_TOKEN = "/auth/o2/token"  # noqa: S105  (a path)
_USUAL_LIFE = 3600
_LONGEST_LIFE = 86_400


class AmazonApplication(BaseModel):
    """An application at Amazon: its Login with Amazon client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=256)
    client_secret: SecretStr


def token_client(application: AmazonApplication) -> str:
    """What the stored pairs of this application's sellers are filed under (libs.oauth.store)."""
    return f"amazon/{application.client_id}"


def _life(told: object) -> int:
    """Seconds; the usual ones for what makes no sense: a wrong guess costs a refresh, a refusal the account."""
    if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
        return _USUAL_LIFE
    return min(told, _LONGEST_LIFE)


class _TokenAnswer(Payload):
    """POST /auth/o2/token."""

    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: Annotated[int, BeforeValidator(_life)] = _USUAL_LIFE


def refresh_grant(
    login: ApiClient, application: AmazonApplication, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Grant:
    """The exchange of a refresh token, which does not rotate: the pair keeps the old one."""

    async def grant(refresh: str) -> TokenPair:
        told = await _granted(
            login,
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh,
                "client_id": application.client_id,
                "client_secret": application.client_secret.get_secret_value(),
            },
        )
        return TokenPair(told.access_token, told.refresh_token or refresh, clock() + timedelta(seconds=told.expires_in))

    return grant


async def _granted(login: ApiClient, form: Mapping[str, str]) -> _TokenAnswer:
    try:
        answer = await login.call("POST", _TOKEN, form=form, repeatable=True)
    except (Refused, Blocked, Unauthorized) as error:
        code = error.body.get("error") if isinstance(error.body, dict) else None
        named = f" ({code})" if isinstance(code, str) and code.isascii() and len(code) < 80 else ""
        raise Unauthorized(error.operation, f"{error.detail}{named}", status=error.status, body=error.body) from error
    try:
        return _TokenAnswer.read(answer.body)
    except Malformed as error:
        raise Garbage(f"POST {_TOKEN}", str(error), status=answer.status) from None
