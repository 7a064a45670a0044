"""One account's calls to eBay's REST APIs: its tokens, its marketplace, eBay's errors by their meaning."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO, NoReturn

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import ApiError, Blocked
from libs.http.tokens import TokenProvider
from libs.marketplaces.ebay.errors import interpreted

MARKETPLACE_HEADER = "X-EBAY-C-MARKETPLACE-ID"

_JSON = {"Content-Type": "application/json"}
"""With every call, as the sync document has it; eBay requires it of those with a body."""

_ANSWERS_403_TO_EXPIRED_TOKENS = "/sell/inventory/"
"""Seen there by several; a widely used client (hendt/ebay-api) refreshes and retries on 403 of this API, too."""


class EbayCaller:
    """Sends requests of one account. `api` is shared by all accounts: limits and the circuit are the application's.

    `past_circuit`: its calls are sent also while the circuit is open.
    """

    def __init__(
        self, api: ApiClient, tokens: TokenProvider, marketplace_id: str = "EBAY_US", *, past_circuit: bool = False
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._past_circuit = past_circuit
        self.marketplace_id = marketplace_id

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """The 2xx answer; raises an ApiError as libs.marketplaces.ebay.errors tells."""

        async def send() -> Answer:
            return await self._api.call(
                method,
                path,
                operation=operation,
                tokens=self._tokens,
                headers={**_JSON, MARKETPLACE_HEADER: self.marketplace_id, **(headers or {})},
                query=query,
                body=body,
                repeatable=repeatable,
                past_circuit=self._past_circuit,
            )

        try:
            if not path.startswith(_ANSWERS_403_TO_EXPIRED_TOKENS):
                return await send()
            return await self._renewing(send)
        except ApiError as error:
            _raise_interpreted(error)

    async def download(self, path: str, sink: BinaryIO, *, operation: str, max_bytes: int) -> Answer:
        """Write the 2xx answer's bytes to `sink`, from its beginning; raises like `call`."""
        try:
            return await self._api.download(
                path,
                sink,
                operation=operation,
                tokens=self._tokens,
                headers={MARKETPLACE_HEADER: self.marketplace_id},
                max_bytes=max_bytes,
            )
        except ApiError as error:
            _raise_interpreted(error)

    async def _renewing(self, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Once more with a fresh token after a 403, which means a missing scope, unless the token had expired."""
        token = await self._tokens.token()
        try:
            return await send()
        except Blocked:
            await self._tokens.refresh(rejected=token)
            return await send()


def _raise_interpreted(error: ApiError) -> NoReturn:
    meant = interpreted(error)
    raise meant from (None if meant is error else error)
