"""The link itself: what it carries, and that each trouble is one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from tests.chaos.proxy import Link, Trouble

BROKEN = (ConnectionError, asyncio.IncompleteReadError)
FRIENDS: set[int] = set()
"""Ports of the connections that belong to a client called `friend`."""


@pytest_asyncio.fixture(loop_scope="session")
async def link() -> AsyncIterator[Link]:
    """A link to a server that sends everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1024):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    made = Link("echo", lambda port: "friend" if port in FRIENDS else None)
    await made.open()
    made.target = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await made.close()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_in_peace_everything_arrives(link: Link) -> None:
    text = b"hello" * 50_000
    async with connected(link) as (reader, writer):
        writer.write(text)
        assert await reader.readexactly(len(text)) == text
    assert link.bytes_to_server == len(text)


async def test_a_cut_breaks_connections_and_refuses_new_ones_until_it_is_healed(link: Link) -> None:
    async with connected(link) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        link.impose(Trouble("cut"))
        with pytest.raises(BROKEN):
            await reader.readexactly(1)
    async with connected(link) as (reader, writer):
        with pytest.raises(BROKEN):
            await reader.readexactly(1)
    link.heal()
    async with connected(link) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"


async def test_silence_holds_everything_back_and_loses_nothing(link: Link) -> None:
    async with connected(link) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        link.impose(Trouble("silent"))
        writer.write(b"later")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(5)
        link.heal()
        assert await reader.readexactly(5) == b"later"


async def test_a_trouble_may_concern_some_clients_only(link: Link) -> None:
    async with connected(link) as (reader, writer), connected(link) as (others, other):
        for each, told in ((reader, writer), (others, other)):
            told.write(b"hello")
            assert await each.readexactly(5) == b"hello"
        FRIENDS.add(writer.get_extra_info("sockname")[1])
        link.impose(Trouble("cut", only=frozenset({"friend"})))
        with pytest.raises(BROKEN):
            await reader.readexactly(1)
        other.write(b"still here")
        assert await others.readexactly(10) == b"still here"
