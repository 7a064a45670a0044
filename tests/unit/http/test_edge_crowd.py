"""A crowd of slow, silent or greedy connections costs a bounded amount, and others find room beside it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from libs.http.edge import Broken, Exchange, Limits
from libs.http.edge.answers import json_response, refusal
from tests.unit.http.hostile import GOOD, HEAD
from tests.unit.http.test_edge import QUICK, Recorder, edge, statuses, talk

PATIENT = Limits(head_seconds=1, body_seconds=1, idle_seconds=600, connections=8, linger_seconds=0.3)
"""A silent connection may stay for ten minutes, unless the room is needed."""

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def crowd(port: int, count: int, sent: bytes) -> AsyncIterator[list[Pair]]:
    """So many connections that have sent this and say nothing more."""
    async with AsyncExitStack() as stack:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
        for _, writer in pairs:
            stack.callback(writer.close)
            writer.write(sent)
        yield pairs


async def until(condition: Callable[[], bool], what: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.02)
    assert condition(), f"it did not happen within 10 s: {what}"


async def taken(port: int) -> list[int]:
    """What a good delivery is answered that comes again as long as it is told to."""
    async with asyncio.timeout(10):
        while (answer := statuses(await talk(port, GOOD))) == [503]:
            await asyncio.sleep(0.05)
    return answer


async def test_who_is_turned_away_is_gone_soon_whether_he_reads_or_not() -> None:
    async with edge(Recorder().begin, PATIENT) as (server, port), crowd(port, 8, HEAD[:20]):
        await until(lambda: len(server.shared.connections) == 8, "all places are taken")
        async with crowd(port, 5, b"") as late:
            await until(lambda: bool(server.crowd.turned_away), "they are turned away")
            assert statuses(await late[0][0].read()) == [503]
            await until(lambda: not server.crowd.turned_away, "they are gone, although they never closed")


async def test_silent_connections_make_room_for_a_good_delivery() -> None:
    recorder = Recorder()
    async with edge(recorder.begin, PATIENT) as (server, port), crowd(port, 8, GOOD):
        await until(lambda: len(recorder.seen) == 8, "all places are taken by connections that may stay")
        assert await taken(port) == [200]
        assert len(server.shared.connections) < 8


async def test_slow_bodies_make_room_for_a_good_delivery() -> None:
    slow = Limits(head_seconds=600, body_seconds=5, idle_seconds=600, connections=8)
    async with (
        edge(Recorder().begin, slow) as (server, port),
        crowd(port, 8, HEAD + b"content-length: 90000\r\n\r\n{"),
    ):
        await until(lambda: len(server.shared.connections) == 8, "all places are taken")
        assert await taken(port) == [200]


async def test_where_there_is_room_the_silent_may_stay() -> None:
    recorder = Recorder()
    async with edge(recorder.begin, PATIENT) as (server, port), crowd(port, 3, GOOD) as pairs:
        await until(lambda: len(recorder.seen) == 3, "they are answered")
        await asyncio.sleep(1.2)  # two sweeps and more
        assert len(server.shared.connections) == 3
        assert all(not reader.at_eof() for reader, _ in pairs)


async def test_bodies_that_are_not_complete_are_bounded_in_all_and_the_largest_go_first() -> None:
    limits = Limits(body_seconds=600, connections=64)
    head = HEAD + b"content-length: 100000\r\n\r\n"
    async with (
        edge(Recorder().begin, limits, arriving_bytes=250_000) as (server, port),
        crowd(port, 3, head + b"x" * 90_000) as large,
        crowd(port, 3, head + b"x" * 10_000) as small,
    ):
        await until(lambda: len(server.shared.connections) <= 5, "the room is there again")
        assert await taken(port) == [200]
        kept = sorted(one._size for one in server.shared.connections if one._exchange is not None)
        assert kept == [10_000] * 3 + [90_000] * 2
        answers = [await asyncio.wait_for(reader.readline(), 1) for reader, _ in large if reader._buffer]  # type: ignore[attr-defined]  # who was told something
        assert [b" 408 " in line for line in answers] == [True]
        assert not any(reader._buffer for reader, _ in small)  # type: ignore[attr-defined]


async def test_one_failed_sweep_does_not_end_the_timeouts() -> None:
    async with edge(Recorder().begin, QUICK, errors=("a defect",)) as (server, port):
        sweep, failed = server.crowd.sweep, False

        def fail_once(now: float) -> None:
            nonlocal failed
            server.crowd.sweep = sweep  # type: ignore[method-assign]
            failed = True
            raise ValueError("a defect")

        server.crowd.sweep = fail_once  # type: ignore[method-assign]
        async with crowd(port, 1, HEAD[:20]) as silent:
            await until(lambda: failed, "a sweep has failed")
            assert statuses(await asyncio.wait_for(silent[0][0].read(), 5)) == [408]


async def test_a_connection_whose_refusal_fails_is_cut_off_and_the_others_end_in_time() -> None:
    def refuse(exchange: Exchange, status: int, _reason: str, _code: Broken) -> bytes:
        if b"x-defect" in exchange.headers:
            raise ValueError("a defect")
        return refusal(status, "in order")

    body = b"content-length: 17\r\n\r\n{"
    async with (
        edge(Recorder().begin, QUICK, refuse=refuse, errors=("a defect",) * 2) as (_, port),
        crowd(port, 2, HEAD + b"x-defect: 1\r\n" + body) as bad,
        crowd(port, 2, HEAD + body) as good,
    ):
        for reader, _ in good:
            assert statuses(await asyncio.wait_for(reader.read(), 5)) == [408]
        for reader, _ in bad:
            with suppress(ConnectionError):
                assert not await asyncio.wait_for(reader.read(), 5)


async def test_who_does_not_read_the_answers_is_cut_off() -> None:
    large = json_response(200, '"' + "x" * 500_000 + '"')
    async with edge(lambda exchange: exchange.answer(large), Limits()) as (server, port):
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(greedy, ("127.0.0.1", port))
            await until(lambda: bool(server.shared.connections), "it is there")
            with suppress(ConnectionError):
                await loop.sock_sendall(greedy, GOOD * 100)
            await until(lambda: not server.shared.connections, "it is cut off")


async def test_the_application_s_connections_leave_room_for_deliveries() -> None:
    async with (
        edge(Recorder().begin, PATIENT) as (_, port),
        crowd(port, 1, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") as one,
    ):
        assert b"200" in await one[0][0].readline()
        assert statuses(await talk(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")) == [503]
        assert await taken(port) == [200]
