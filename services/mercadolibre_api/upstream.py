"""Asking MercadoLibre: its documented headers, with a token and if need be without, told to the debug log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import ApiError, Blocked, Unauthorized
from libs.http.tokens import TokenProvider
from libs.oauth.accounts import AuthorizedAccounts
from libs.quota.headers import ratelimit_headers
from libs.quota.limiter import SharedRateLimiter
from libs.telemetry.log import get_logger, masked
from services.mercadolibre_api.answers import NO_TOKENS, NotDone, of_tokens, of_upstream

log = get_logger()

HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "es-MX,es;q=0.9,en;q=0.8",
    "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
}
NAMED_HEADERS = ("x-policy-agent-block-code", "x-policy-agent-block-reason", "via", "x-cache", "x-amz-cf-pop")
"""Who answered, and why a request was refused: for looking into blocks."""

PREVIEW = 1200
_TOKEN = re.compile(r"\b(?:APP_USR|TEST|TG)-[A-Za-z0-9-]+")


@dataclass(frozen=True)
class Asked:
    """A GET of MercadoLibre. `operation` is its route; `private` answers are about a person: never logged."""

    path: str
    operation: str
    request_id: str
    query: Mapping[str, str] = field(default_factory=dict)
    private: bool = False


class Upstream:
    """MercadoLibre for the proxies. `accounts` is None without an application; `user_id` is whose tokens are used."""

    def __init__(
        self,
        api: ApiClient,
        limiter: SharedRateLimiter,
        accounts: AuthorizedAccounts | None,
        user_id: str | None = None,
    ) -> None:
        self._api = api
        self._limiter = limiter
        self._accounts = accounts
        self._user_id = user_id

    async def tokens(self, request_id: str) -> TokenProvider:
        """The tokens to use, of which one is valid now; raise NotDone with a documented error."""
        if self._accounts is None:
            raise NotDone(500, NO_TOKENS)
        try:
            provider = await self._accounts.provider(self._user_id)
            token = await self._accounts.get_valid_access_token(provider.account)
        except ApiError as error:
            log.warning("no access token", request_id=request_id, why=str(error))
            raise of_tokens(error) from error
        log.debug("access token", request_id=request_id, user_id=provider.account, token=masked(token))
        return provider

    async def get(self, asked: Asked, tokens: TokenProvider | None) -> Answer:
        """The answer; raise NotDone."""
        try:
            return await self.ask(asked, tokens)
        except ApiError as error:
            raise of_upstream(error, self.standing(asked)) from error

    async def get_open(self, asked: Asked, tokens: TokenProvider | None) -> tuple[Answer, TokenProvider | None]:
        """The answer, and with what it was had: what is refused (403) with a token may be public. Raise NotDone."""
        try:
            return await self.ask(asked, tokens), tokens
        except Blocked as error:
            refused = error
        except ApiError as error:
            raise of_upstream(error, self.standing(asked)) from error
        if tokens is not None:
            try:
                return await self.ask(asked, None), None
            except Blocked as error:
                refused = error
            except Unauthorized:
                pass  # not public: what counts is why the token was refused
            except ApiError as error:
                raise of_upstream(error, self.standing(asked)) from error
        raise of_upstream(refused, self.standing(asked)) from refused

    async def ask(self, asked: Asked, tokens: TokenProvider | None) -> Answer:
        """One call, told to the debug log; raises an ApiError."""
        try:
            answer = await self._api.call(
                "GET", asked.path, operation=asked.operation, tokens=tokens, headers=HEADERS, query=asked.query
            )
        except ApiError as error:
            _tell(asked, tokens, error.status, error.headers, error.raw)
            raise
        _tell(asked, tokens, answer.status, answer.headers, answer.raw)
        return answer

    def standing(self, asked: Asked) -> dict[str, str]:
        """The RateLimit headers of what was asked."""
        standing = self._limiter.standing(f"GET {asked.operation}")
        return ratelimit_headers([standing] if standing is not None else [])


def _tell(
    asked: Asked, tokens: TokenProvider | None, status: int | None, headers: Mapping[str, str], raw: bytes
) -> None:
    log.debug(
        "mercadolibre answered",
        request_id=asked.request_id,
        operation=asked.operation,
        with_token=tokens is not None,
        status=status,
        headers=named_headers(headers),
        preview="(about a person: not logged)" if asked.private else preview(raw, PREVIEW),
    )


def named_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The named headers, empty where they are absent."""
    return {name: headers.get(name, "") for name in NAMED_HEADERS}


def preview(raw: bytes, characters: int) -> str:
    """The first characters of a body; tokens in it are masked."""
    return _TOKEN.sub(lambda found: masked(found[0]), raw.decode(errors="replace"))[:characters]
