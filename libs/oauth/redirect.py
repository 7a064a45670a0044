"""What a person's browser is sent back with after the consent (RFC 6749, section 4.1.2), heard here or pasted.

async with Listener(URL("http://127.0.0.1:8098/oauth/stockx"), take) as listener:
    await listener.heard(timeout)
"""

import asyncio
import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from yarl import URL

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LONGEST = 8_000
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>sellstream</title><p>{text}</p></html>"""


class NoAgreement(Exception):
    """The answer is not what an agreement brings; the text says why."""


class NotOurs(NoAgreement):
    """The answer's state is not of a consent that is waited for: somebody else may have sent it."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The code is worth an account's tokens, once."""

    state: str
    code: str = field(repr=False)


def read_redirect(address: str) -> Redirect:
    """What an address carries. Raises NoAgreement: the person declined, or it is another address."""
    if len(address) > _LONGEST:
        raise NoAgreement("the address is too long to be the one that the browser was sent to")
    try:
        query = URL(address.strip()).query
    except ValueError:
        raise NoAgreement("that is no address") from None
    if error := query.get("error"):
        told = query.get("error_description", "")
        raise NoAgreement(f"nobody agreed: {' '.join(f'{error} {told}'.split())[:200]}")
    code, state = query.get("code"), query.get("state")
    if not code or not state:
        raise NoAgreement("the address has no code and state: the whole one is needed, as the browser shows it")
    return Redirect(state, code)


def is_loopback(address: URL) -> bool:
    """Whether a browser on this machine is sent to this machine, where it can be heard."""
    return address.scheme == "http" and address.host in LOOPBACK and bool(address.port)


Take = Callable[[Redirect], Awaitable[str]]
"""Makes an account of an agreement; returns what the person is told. Raises NoAgreement."""


class Listener:
    """Hears one agreement at a loopback address (RFC 8252, section 7.3). What is not ours does not end the waiting."""

    def __init__(self, address: URL, take: Take) -> None:
        self._address = address
        self._take = take
        self._heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        app = web.Application()
        app.router.add_get(address.path, self._hear)
        self._runner = web.AppRunner(app, access_log=None)  # a log of it would hold the code

    async def __aenter__(self) -> Self:
        """Raises OSError if somebody else listens there."""
        await self._runner.setup()
        host = "127.0.0.1" if self._address.host == "localhost" else self._address.host
        await web.TCPSite(self._runner, host, self._address.port).start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._runner.cleanup()

    async def heard(self, seconds: float) -> str:
        """What `take` made of the agreement. Raises NoAgreement, TimeoutError."""
        async with asyncio.timeout(seconds):
            return await self._heard

    async def _hear(self, request: web.Request) -> web.Response:
        if self._heard.done():
            return _page(410, "This was answered before.")
        try:
            told = await self._take(read_redirect(str(request.rel_url)))
        except NotOurs as error:
            return _page(400, f"{error}.")
        except NoAgreement as error:
            if not self._heard.done():
                self._heard.set_exception(error)
            return _page(400, f"{error}.")
        if not self._heard.done():
            self._heard.set_result(told)
        return _page(200, f"{told} This page may be closed.")


def _page(status: int, text: str) -> web.Response:
    body = _PAGE.format(text=html.escape(text))
    return web.Response(status=status, text=body, content_type="text/html", headers=_PRIVATE)
