"""One account's calls to StockX: its key and tokens, response codes by their meaning, answers by their shape."""

from collections.abc import Mapping
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import ApiError, Garbage
from libs.http.tokens import TokenProvider
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.errors import NothingTold, interpreted
from libs.marketplaces.stockx.routes import ROUTES
from libs.marketplaces.stockx.values import StockXPayload
from libs.telemetry.log import get_logger

log = get_logger()

KEY_HEADER = "x-api-key"

P = TypeVar("P", bound=StockXPayload)


class StockXCaller:
    """Sends requests of one account. `api` is shared by all accounts: limits and the circuit are the application's."""

    def __init__(self, api: ApiClient, tokens: TokenProvider, api_key: SecretStr) -> None:
        self._api = api
        self._tokens = _Told(tokens)
        self._key = api_key

    async def call(
        self,
        method: str,
        route: str,
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """The 2xx answer of a route, whose placeholders `ids` fill; raises as libs.marketplaces.stockx.errors tells.

        Only a GET is repeated within a call: every write starts an operation of its own at StockX.
        """
        self._known(method, route)
        try:
            return await self._api.call(
                method,
                _path(route, ids or {}),
                operation=route,
                tokens=self._tokens,
                headers={KEY_HEADER: self._key.get_secret_value()},
                query=query,
                body=body,
                repeatable=method == "GET",
            )
        except ApiError as error:
            if isinstance(error.__cause__, TimeoutError):
                log.error("StockX API timeout", operation=f"{method} {route}")  # noqa: TRY400  (no defect of ours)
            _raise_interpreted(error)
            raise

    async def download(self, route: str, sink: BinaryIO, *, ids: Mapping[str, str], max_bytes: int) -> Answer:
        """Write the 2xx answer's bytes to `sink`, from its beginning; raises like `call`."""
        self._known("GET", route)
        try:
            return await self._api.download(
                _path(route, ids),
                sink,
                max_bytes=max_bytes,
                operation=route,
                tokens=self._tokens,
                headers={KEY_HEADER: self._key.get_secret_value()},
            )
        except ApiError as error:
            _raise_interpreted(error)
            raise

    async def read(
        self, model: type[P], route: str, ids: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> P:
        """GET one resource."""
        return shaped(model, f"GET {route}", await self.call("GET", route, ids=ids, query=query))

    def check(self) -> None:
        """Raise CircuitOpen if a call made now would not be sent."""
        self._api.breaker.check()

    def _known(self, method: str, route: str) -> None:
        if f"{method} {route}" not in ROUTES:
            raise ValueError(f"{method} {route} is not in libs/marketplaces/stockx/routes.py: nothing would count it")


class _Told:
    """The account's tokens; a refresh that StockX makes necessary is told."""

    def __init__(self, tokens: TokenProvider) -> None:
        self._tokens = tokens

    async def token(self) -> str:
        return await self._tokens.token()

    async def refresh(self, rejected: str) -> str:
        log.error("StockX authentication failed, refreshing token...")
        return await self._tokens.refresh(rejected=rejected)


def shaped(model: type[P], operation: str, answer: Answer) -> P:
    """The answer's object; raises Garbage with the answer's bytes, NothingTold if it has none."""
    if answer.body is None:
        raise told_nothing(operation, answer)
    try:
        return model.read(answer.body)
    except Malformed as error:
        raise garbage(operation, str(error), answer) from None


def told_nothing(operation: str, answer: Answer) -> NothingTold:
    """The error for an answer without content where some was expected."""
    error = NothingTold(operation, f"answered {answer.status} without content", status=answer.status)
    error.headers = answer.headers
    return error


def garbage(operation: str, why: str, answer: Answer) -> Garbage:
    """The error for an answer that is not of the expected shape; it keeps the answer's bytes."""
    error = Garbage(operation, why, status=answer.status)
    error.headers, error.raw = answer.headers, answer.raw
    return error


def _path(route: str, ids: Mapping[str, str]) -> str:
    return route.format(**{name: quote(value, safe="") for name, value in ids.items()})


def _raise_interpreted(error: ApiError) -> None:
    meant = interpreted(error)
    if meant is not error:
        raise meant from error
