"""MercadoLibre's OAuth: where a person agrees, and the exchange of codes and refresh tokens for token pairs.

https://developers.mercadolibre.com.ar/en_us/authentication-and-authorization
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BeforeValidator, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import Blocked, Garbage, Refused, Unauthorized
from libs.marketplaces.mercadolibre.client import reason
from libs.marketplaces.payload import Malformed, Payload
from libs.marketplaces.token_endpoint import Token, seconds_of_life
from libs.oauth.pkce import Proof
from libs.oauth.tokens import Grant, TokenPair

AUTHORIZATION_URL = "https://auth.mercadolibre.com.mx/authorization"
"""Mexico's; each country has its own."""

_TOKEN = "/oauth/token"  # noqa: S105  (a path)
_OPERATION = f"POST {_TOKEN}"
_USUAL_LIFE = 21600
_LONGEST_LIFE = 366 * 86400


def _life(told: object) -> int:
    return seconds_of_life(told, _USUAL_LIFE, _LONGEST_LIFE)


def _user(told: object) -> str | None:
    text = str(told)
    return text if re.fullmatch(r"[0-9]{1,20}", text) else None


class _TokenAnswer(Payload):
    """POST /oauth/token. `user_id` may be missing from the answer to a refresh, which is about a known user."""

    access_token: Token
    refresh_token: Token
    expires_in: Annotated[int, BeforeValidator(_life)] = _USUAL_LIFE
    user_id: Annotated[str | None, BeforeValidator(_user)] = None

    @property
    def pair(self) -> TokenPair:
        return TokenPair(self.access_token, self.refresh_token, datetime.now(UTC) + timedelta(seconds=self.expires_in))


@dataclass(frozen=True, slots=True)
class Application:
    """The application at MercadoLibre that people authorise."""

    client_id: str
    client_secret: SecretStr
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a person's agreement gave: who it is, and the first pair."""

    user_id: str
    pair: TokenPair


def token_client(client_id: str) -> str:
    """What the stored pairs of this application's users are filed under (libs.oauth.store)."""
    return f"mercadolibre/{client_id}"


def authorization_url(page: str, application: Application, proof: Proof) -> str:
    """Where a person is sent to agree; `page` is the country's authorization page."""
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": application.redirect_uri,
        "code_challenge": proof.challenge,
        "code_challenge_method": "S256",
        "state": proof.state,
    }
    return f"{page}?{urlencode(query)}"


async def exchange_code(api: ApiClient, application: Application, code: str, proof: Proof) -> Agreement:
    """The first pair for an authorization code. Raises an ApiError; Unauthorized when the code is refused."""
    told = await _tokens(
        api,
        application.client_id,
        application.client_secret,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": application.redirect_uri,
            "code_verifier": proof.verifier,
        },
    )
    if told.user_id is None:
        raise Garbage(_OPERATION, "the answer does not say whose tokens they are")
    return Agreement(told.user_id, told.pair)


def refresh_grant(api: ApiClient, client_id: str, client_secret: SecretStr) -> Grant:
    """The exchange of a refresh token for a new pair."""

    async def grant(refresh: str) -> TokenPair:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        return (await _tokens(api, client_id, client_secret, form)).pair

    return grant


async def _tokens(api: ApiClient, client_id: str, client_secret: SecretStr, form: Mapping[str, str]) -> _TokenAnswer:
    """POST /oauth/token. A code and a refresh token are good for one use: neither is ever sent twice."""
    client = {"client_id": client_id, "client_secret": client_secret.get_secret_value()}
    try:
        answer = await api.call("POST", _TOKEN, form={**client, **form}, repeatable=False)
    except (Refused, Blocked) as error:
        raise Unauthorized(error.operation, reason(error), status=error.status) from error
    try:
        return _TokenAnswer.read(answer.body)
    except Malformed as error:
        raise Garbage(_OPERATION, str(error), status=answer.status) from None
