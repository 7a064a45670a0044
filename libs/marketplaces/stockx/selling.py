"""Selling on StockX, by the commands of stockx_poller: it alone writes to an account, within StockX's quota.

A command under an Idempotency-Key is kept once, so that to publish again is to ask what became of it. A command that
failed has made no listing: the next attempt has a key of its own. StockX knows no SKU of ours; `channelItemId` is the
listing's id.

| command          | publish                                                                |
|------------------|------------------------------------------------------------------------|
| succeeded        | the listing                                                            |
| waits, is worked | NotYet                                                                 |
| failed just now  | NotPublishable, with StockX's words                                    |
| failed before    | given again under the next key                                         |
| given up         | NotPublishable: nobody knows whether it is listed, a person must look  |

To withdraw a draft is to ask for the commands under its keys, and to deactivate what they have listed, under a key as
well: publishing again passes over what was withdrawn.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import Garbage, NotFound, Refused
from libs.http.tokens import TokenProvider
from libs.marketplaces.payload import Malformed, OptionalId, Payload, Word
from libs.selling.channel import Listed, NotPublishable, NotYet, Wanted, required
from schemas.channels import Channel

_LISTINGS = "/api/v1/stockx/listings"
_LISTING = "/api/v1/stockx/listings/{listing_id}"
_COMMANDS = "/api/v1/stockx/commands"
_COMMAND = "/api/v1/stockx/commands/{command_id}"
_OTHER_COMMAND = "Idempotency-Key"
"""What stockx_poller names where a key was used before."""
_MOST_KEYS = 100
_PAUSE = 0.25
_AGAIN_SECONDS = 10.0


class _OtherWanted(NotPublishable):
    """The key of a command was used with another price or variant."""


class _Command(Payload):
    """A command as stockx_poller tells it."""

    command_id: Word
    status: Word
    listing_id: OptionalId = None
    error: str | None = None
    ended_at: datetime | None = None


class StockXChannel:
    """One account at StockX. `api` leads to stockx_poller; `token` makes a bearer token of the account's user.

    `patience`: how many seconds a command is waited for within one call.
    """

    def __init__(
        self, api: ApiClient, token: Callable[[], str], account: str, market: str = "US", *, patience: float = 20.0
    ) -> None:
        self._api = api
        self._tokens: TokenProvider = _Issued(token)
        self._account = {"account": account}
        self._patience = patience
        self.channel = Channel.STOCKX
        self.market = market
        self.currency = "USD"

    async def find(self, sku: str) -> Listed | None:  # noqa: ARG002  (StockX keeps none)
        """None: a listing is known by the command that made it, which `publish` asks for."""
        return None

    async def publish(self, wanted: Wanted) -> Listed:
        if wanted.quantity != 1:
            raise NotPublishable(f"a StockX listing is one pair: the draft's quantity is {wanted.quantity}")
        body = {
            "variant_id": required(wanted.payload, "variantId", self.channel),
            "amount": format(wanted.price.amount, "f"),
            "currency_code": wanted.price.currency,
        }
        for number in range(1, _MOST_KEYS + 1):
            try:
                command, replayed = await self._create(body, f"publish/{wanted.sku}/{number}")
            except _OtherWanted:
                if not await self._withdrawn(wanted.sku, number):
                    raise
                continue
            command = await self._ended(command)
            if command.status == "succeeded" and command.listing_id is not None:
                if replayed and await self._withdrawn(wanted.sku, number):
                    continue
                return Listed(command.listing_id, wanted.sku, wanted.price, 1)
            if command.status != "failed":
                raise NotPublishable(
                    f"StockX command {command.command_id} ended as {command.status}: look whether it is listed"
                )
            if not replayed:
                raise NotPublishable(f"StockX refuses it: {command.error or 'without a reason'}")
        raise NotPublishable(f"StockX has refused {wanted.sku} {_MOST_KEYS} times")

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        path = _LISTING.format(listing_id=quote(item_id, safe=""))
        body = {"amount": format(wanted.price.amount, "f"), "currency_code": wanted.price.currency}
        try:
            answer = await self._call("PATCH", path, _LISTING, body)
        except NotFound:
            return False
        command = await self._ended(_read(answer, f"PATCH {_LISTING}"))
        if command.status != "succeeded":
            raise NotPublishable(f"StockX refuses the price: {command.error or command.status}")
        return True

    async def withdraw(self, sku: str) -> None:
        for number in range(1, _MOST_KEYS + 1):
            command = await self._kept(f"publish/{sku}/{number}")
            if command is None:
                return
            command = await self._ended(command)
            if command.status == "succeeded" and command.listing_id is not None:
                await self._deactivate(command.listing_id, {"Idempotency-Key": f"withdraw/{sku}/{number}"})

    async def take_off(self, item_id: str, sku: str | None = None) -> None:  # noqa: ARG002  (others need it)
        await self._deactivate(item_id)

    async def _deactivate(self, item_id: str, headers: dict[str, str] | None = None) -> None:
        path = _LISTING.format(listing_id=quote(item_id, safe=""))
        try:
            answer = await self._call("PATCH", path, _LISTING, {"active": False}, headers)
        except NotFound:
            return
        command = await self._ended(_read(answer, f"PATCH {_LISTING}"))
        if command.status != "succeeded":
            raise Refused(f"PATCH {_LISTING}", f"{command.status}: {command.error or 'without a reason'}")

    async def _withdrawn(self, sku: str, number: int) -> bool:
        return await self._kept(f"withdraw/{sku}/{number}") is not None

    async def _kept(self, key: str) -> _Command | None:
        """The command that was given under a key; None: there was none."""
        try:
            answer = await self._call("GET", _COMMANDS, _COMMANDS, None, {"Idempotency-Key": key}, self._account)
        except NotFound:
            return None
        return _read(answer, f"GET {_COMMANDS}")

    async def _create(self, body: dict[str, Any], key: str) -> tuple[_Command, bool]:
        try:
            answer = await self._call("POST", _LISTINGS, _LISTINGS, body, {"Idempotency-Key": key})
        except Refused as error:
            told = error.body.get("detail") if error.status == 422 and isinstance(error.body, dict) else None
            if told is None:
                raise
            if _OTHER_COMMAND in str(told):
                raise _OtherWanted(
                    "StockX was asked for this draft before, with another price or variant: make a new draft"
                ) from error
            raise NotPublishable(f"it is no StockX listing: {str(told)[:500]}") from error
        return _read(answer, f"POST {_LISTINGS}"), answer.headers.get("Idempotency-Replayed") == "true"

    async def _ended(self, command: _Command) -> _Command:
        """The command when it has ended; raises NotYet after `patience`."""
        end = asyncio.get_running_loop().time() + self._patience
        path = _COMMAND.format(command_id=quote(command.command_id, safe=""))
        while command.ended_at is None:
            if asyncio.get_running_loop().time() > end:
                raise NotYet(f"StockX command {command.command_id} is {command.status}", _AGAIN_SECONDS)
            await asyncio.sleep(_PAUSE)
            command = _read(await self._call("GET", path, _COMMAND), f"GET {_COMMAND}")
        return command

    async def _call(
        self,
        method: str,
        path: str,
        operation: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        query = query or (None if method == "GET" else self._account)
        repeatable = headers is not None or method != "POST"
        return await self._api.call(
            method,
            path,
            operation=operation,
            tokens=self._tokens,
            headers=headers,
            query=query,
            body=body,
            repeatable=repeatable,
        )


class _Issued:
    """A token provider (libs.http.tokens) of tokens that we issue ourselves."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token()

    async def refresh(self, rejected: str) -> str:  # noqa: ARG002  (every one is new)
        return self._token()


def _read(answer: Answer, operation: str) -> _Command:
    try:
        return _Command.read(answer.body)
    except Malformed as error:
        raise Garbage(operation, str(error), status=answer.status) from None
