"""OAuth 2 as MercadoLibre does it: codes with PKCE, access tokens that expire, refresh tokens for one use.

Refresh tokens are made from the seed, the user and a generation number, so that a client that kept one over a restart
of the sandbox can go on: a genuine token of a later generation than any seen is the newest. Access tokens do not
outlive the process.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.clock import Clock
from services.sandbox.mercadolibre.errors import bad_token, token_refusal
from services.sandbox.seeded import secret

CODE_LIFE = timedelta(minutes=10)
SPENT = "Error validating grant. Your authorization code or refresh token may be expired or it was already used."


@dataclass(frozen=True, slots=True)
class Application:
    """The application at MercadoLibre that the services act as."""

    id: int
    client_secret: str
    redirect_uri: str
    pkce_required: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that waits for its exchange."""

    user_id: int
    redirect_uri: str
    challenge: str | None
    method: str
    expires_at: datetime


class Tokens:
    """All codes and tokens of one application."""

    def __init__(self, seed: int, application: Application, clock: Clock, life: timedelta) -> None:
        self.application = application
        self._key = secret(seed, "mercadolibre tokens", 64).encode()
        self._clock = clock
        self._life = life
        self._codes: dict[str, Code] = {}
        self._generations: dict[int, int] = {}
        self._access: dict[str, tuple[int, datetime]] = {}
        self._issued = 0

    def authorize(self, user_id: int, redirect_uri: str, challenge: str | None, method: str) -> str:
        """A code for a user who agreed."""
        self._issued += 1
        code = f"TG-{self._mac('code', self._issued)[:24]}-{user_id}"
        self._codes[code] = Code(user_id, redirect_uri, challenge, method, self._clock.now() + CODE_LIFE)
        return code

    def newest_refresh_token(self, user_id: int) -> str:
        """The refresh token that is valid now."""
        return self._refresh_token(user_id, self._generations.get(user_id, 0))

    def user_of(self, access_token: str) -> int:
        """The user whose valid access token this is; raise Refusal 401."""
        user_id, expires_at = self._access.get(access_token, (0, self._clock.now()))
        if self._clock.now() >= expires_at:
            self._access.pop(access_token, None)
            raise bad_token()
        return user_id

    def grant(self, form: dict[str, str]) -> dict[str, Any]:
        """POST /oauth/token; raise Refusal."""
        application = self.application
        if not {"grant_type", "client_id", "client_secret"} <= form.keys():
            raise token_refusal("invalid_request", "grant_type, client_id and client_secret are required parameters")
        genuine = hmac.compare_digest(form["client_secret"].encode(), application.client_secret.encode())
        if form["client_id"] != str(application.id) or not genuine:
            raise token_refusal("invalid_client", "invalid client_id or client_secret.")
        match form["grant_type"]:
            case "authorization_code":
                return self._pair(self._exchanged(form))
            case "refresh_token":
                return self._pair(self._refreshed(form.get("refresh_token", "")))
            case _:
                raise token_refusal("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")

    def _exchanged(self, form: dict[str, str]) -> int:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or self._clock.now() >= code.expires_at:
            raise token_refusal("invalid_grant", SPENT)
        if form.get("redirect_uri") != code.redirect_uri:
            raise token_refusal("invalid_grant", "Error validating grant. redirect_uri does not match the original.")
        if code.challenge is not None and not _proved(code, form.get("code_verifier", "")):
            raise token_refusal("invalid_grant", "Error validating grant. code_verifier is missing or wrong.")
        return code.user_id

    def _refreshed(self, token: str) -> int:
        user = token.rpartition("-")[2]
        generation = self._generation(token, int(user)) if user.isascii() and user.isdigit() else None
        if generation is None or generation < self._generations.get(int(user), 0):
            raise token_refusal("invalid_grant", SPENT)
        self._generations[int(user)] = generation
        return int(user)

    def _pair(self, user_id: int) -> dict[str, Any]:
        now = self._clock.now()
        self._access = {token: held for token, held in self._access.items() if held[1] > now}
        self._issued += 1
        generation = self._generations.get(user_id, 0) + 1
        self._generations[user_id] = generation
        access = (
            f"APP_USR-{self.application.id}-{self._mac('access', user_id, generation, self._issued)[:32]}-{user_id}"
        )
        self._access[access] = (user_id, now + self._life)
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(self._life.total_seconds()),
            "scope": "offline_access read write",
            "user_id": user_id,
            "refresh_token": self._refresh_token(user_id, generation),
        }

    def _refresh_token(self, user_id: int, generation: int) -> str:
        return f"TG-{generation:08x}{self._mac('refresh', user_id, generation)[:24]}-{user_id}"

    def _generation(self, token: str, user_id: int) -> int | None:
        try:
            generation = int(token[3:11], 16)
        except ValueError:
            return None
        genuine = self._refresh_token(user_id, generation)
        return generation if hmac.compare_digest(genuine.encode(), token.encode()) else None

    def _mac(self, *parts: object) -> str:
        return hmac.new(self._key, "/".join(map(str, parts)).encode(), hashlib.sha256).hexdigest()


def _proved(code: Code, verifier: str) -> bool:
    if code.method == "plain":
        return verifier == code.challenge
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return digest.decode() == code.challenge
