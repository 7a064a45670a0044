"""The edge server over real sockets: strict, bounded, in order, and kind to its neighbours."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest
import uvloop
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.http.edge import Broken, EdgeServer, Exchange, Limits, Route
from libs.http.edge.answers import json_response
from tests.unit.http.hostile import BODY, CASES, GOOD, HEAD, Case, chunk

MAX_BODY = 100_000
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
QUICK = Limits(head_seconds=0.5, body_seconds=0.5, idle_seconds=0.5)


class Recorder:
    """Answers every exchange with the number of bytes it carried; keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.hold = False

    def begin(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        if not self.hold:
            exchange.answer(json_response(200, f'{{"bytes": {len(exchange.body)}}}'))


async def _application_answer(request: web.Request) -> web.Response:
    return web.json_response({"application": request.path, "bytes": len(await request.read())})


@asynccontextmanager
async def edge(
    begin: Callable[[Exchange], None],
    limits: Limits | None = None,
    arriving_bytes: int = 10_000_000,
    refuse: Callable[[Exchange, int, str, Broken], bytes] | None = None,
    errors: tuple[str, ...] = (),
) -> AsyncIterator[tuple[EdgeServer, int]]:
    """An edge server; `errors` are those that the loop is told of."""
    route = Route(begin, MAX_BODY, refuse)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", _application_answer)
    runner = web.AppRunner(application)
    await runner.setup()
    inner = runner.server
    assert inner is not None
    server = EdgeServer(
        lambda target: route if target.startswith(b"/webhooks/") else None,
        inner,
        limits,
        handed_over=lambda: len(inner.connections),
        arriving_bytes=arriving_bytes,
    )
    port = await server.listen("127.0.0.1", 0)
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(str(context.get("exception", context["message"]))))
    try:
        yield server, port
        await gone(server)  # the clients have left: whoever stays would stay for ever
    finally:
        await server.close(0.2)
        await runner.cleanup()
        loop.set_exception_handler(None)
    assert tuple(reported) == errors


async def talk(port: int, *parts: bytes, pause: float = 0.0, end: bool = True, patience: float = 10) -> bytes:
    """Send parts, with `end` our own half-close, then read until the server closes or our patience ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with suppress(TimeoutError, ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if end:
            writer.write_eof()
        async with asyncio.timeout(patience):
            while data := await reader.read(65536):
                answer += data
    writer.close()
    return answer


async def gone(server: EdgeServer) -> None:
    """All connections have ended."""
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while server.shared.connections:
                await asyncio.sleep(0.01)
    assert not server.shared.connections


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_hostile_request_gets_its_verdict(case: Case) -> None:
    recorder = Recorder()
    async with edge(recorder.begin) as (_, port):
        answer = await talk(port, case.sent + (GOOD if case.closes else b""))
        found = statuses(answer)
        assert found[:1] == [case.status]
        if case.closes and case.status != 200:
            assert not any(exchange.body == BODY for exchange in recorder.seen), "it was taken in all the same"
        assert statuses(await talk(port, GOOD)) == [200], "a neighbour was harmed"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_edge_is_no_laxer_than_aiohttp(case: Case) -> None:
    """What aiohttp's own server refuses, the edge refuses, in one piece and byte by byte."""
    async with edge(Recorder().begin) as (server, port):
        server.shared.router = lambda _target: None  # everything is handed over to aiohttp
        refused_by_aiohttp = not {200, 100} & set(statuses(await talk(port, case.sent, end=False, patience=0.3)))
    async with edge(Recorder().begin) as (_, port):
        whole = set(statuses(await talk(port, case.sent)))
        pieces = set(statuses(await talk(port, *(bytes([byte]) for byte in case.sent[:200]), case.sent[200:])))
    assert whole == pieces
    if refused_by_aiohttp and not case.aiohttp_differs:
        assert not {200, 100} & whole


async def test_answers_leave_in_the_order_of_requests() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD * 3)
        while len(recorder.seen) < 3:
            await asyncio.sleep(0.01)
        for number in (2, 0, 1):
            recorder.seen[number].answer(json_response(200, f'{{"n": {number}}}'))
        answer = b"".join([await reader.readuntil(b"}") for _ in range(3)])
        writer.close()
    assert [part[:1] for part in answer.split(b'"n": ')[1:]] == [b"0", b"1", b"2"]


async def test_a_flood_of_pipelined_requests_is_not_buffered_without_bound() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin, Limits(pipelined=4)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(200):
            writer.write(GOOD)
            await asyncio.sleep(0.001)
        assert len(recorder.seen) < 200
        recorder.hold = False
        answered = 0
        while answered < 200:
            for exchange in list(recorder.seen):
                if exchange.ready is None:
                    exchange.answer(json_response(200, '{"late": true}'))
            await asyncio.wait_for(reader.readuntil(b"}"), 5)
            answered += 1
        writer.close()


async def test_beyond_the_most_in_one_read_the_connection_ends_behind_its_answers() -> None:
    recorder = Recorder()
    async with edge(recorder.begin, Limits(at_once=20, linger_seconds=0.2)) as (server, port):
        assert statuses(await talk(port, GOOD * 20, end=False, patience=0.2)) == [200] * 20
        assert statuses(await talk(port, *[GOOD] * 21, pause=0.01)) == [200] * 21
        answer = await talk(port, GOOD * 40)
        assert statuses(answer) == [200] * 20 + [503]
        assert b"retry-after" in answer
        recorder.seen.clear()
        recorder.hold = True
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD * 40)
        while not recorder.seen:
            await asyncio.sleep(0.01)
        for exchange in recorder.seen:
            exchange.answer(json_response(200, "{}"))
        assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200] * 20 + [503]
        await gone(server)
        writer.close()


def test_a_connection_that_sends_without_pause_leaves_the_others_their_turn() -> None:
    """With uvloop, which reads on as long as there is more."""
    turns = [0]
    request = HEAD + b"content-length: 900\r\n\r\n" + b"x" * 900

    def begin(exchange: Exchange) -> None:
        turns[-1] += 1
        exchange.answer(json_response(200, "{}"))

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def turn() -> None:
            turns.append(0)
            loop.call_soon(turn)

        async with edge(begin, Limits(linger_seconds=0.2)) as (server, port):
            with socket.create_connection(("127.0.0.1", port)) as greedy:
                while not server.shared.connections:
                    await asyncio.sleep(0.01)
                greedy.setblocking(False)
                sent = 0
                with suppress(BlockingIOError):  # until the kernel's buffers are full, while the loop stands still
                    while True:
                        sent += greedy.send(request * 1000)
                turn()
                async with asyncio.timeout(10):
                    while sum(turns) < sent // len(request):
                        await asyncio.sleep(0)
            assert sent > 4 * 256_000, "too little to tell"
            assert max(turns) <= 256_000 // len(request) + 1

    uvloop.run(run())


async def test_what_is_not_a_webhook_is_served_by_the_application() -> None:
    recorder = Recorder()
    async with edge(recorder.begin) as (_, port):
        get = b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n"
        post = b"POST /other HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
        close = b"GET /webhooks/ebay?challenge_code=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        answer = await talk(port, get[:10], get[10:] + post + close, pause=0.02, end=False)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert b'"bytes": 5' in answer
    assert recorder.seen == []


async def test_the_application_takes_over_after_a_webhook_on_the_same_connection() -> None:
    recorder = Recorder()
    async with edge(recorder.begin) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        await reader.readuntil(b"}")
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b'"application": "/metrics"' in await asyncio.wait_for(reader.read(), 5)
        writer.close()


@pytest.mark.parametrize(
    ("part", "status"), [(b"", None), (HEAD[:20], 408), (HEAD + b"content-length: 17\r\n\r\n" + BODY[:5], 408)]
)
async def test_a_sender_that_is_too_slow_is_dropped(part: bytes, status: int | None) -> None:
    recorder = Recorder()
    async with edge(recorder.begin, QUICK) as (server, port):
        answer = await talk(port, part, end=False)
        assert statuses(answer) == ([status] if status else [])
        await gone(server)


@pytest.mark.parametrize("part", [b"", HEAD[:20]])
@pytest.mark.parametrize("asked", [GOOD, CHUNKED + chunk(BODY) + b"0\r\n\r\n"])
async def test_an_idle_connection_is_closed_without_a_word(asked: bytes, part: bytes) -> None:
    """Unless the next request has begun."""
    async with edge(Recorder().begin, QUICK) as (_, port):
        assert statuses(await talk(port, asked, part, pause=0.05, end=False)) == ([200, 408] if part else [200])


async def test_a_request_that_waits_for_its_answer_is_never_too_slow() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin, QUICK) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        await asyncio.sleep(1.5)
        recorder.seen[0].answer(json_response(200, '{"late": true}'))
        assert b"late" in await asyncio.wait_for(reader.readuntil(b"}"), 5)
        writer.close()


@pytest.mark.parametrize("cut", [False, True])
async def test_a_trailer_neither_changes_a_header_nor_is_kept(cut: bool) -> None:
    recorder = Recorder()
    request = CHUNKED + chunk(BODY) + b"0\r\nhost: evil\r\nx-signature: 1\r\nx-signature: 2\r\n\r\n"
    async with edge(recorder.begin) as (_, port):
        parts = [bytes([byte]) for byte in request] if cut else [request]
        assert statuses(await talk(port, *parts, GOOD)) == [200, 200]
    seen = recorder.seen[0]
    assert seen.headers == {
        b"host": b"localhost",
        b"content-type": b"application/json",
        b"transfer-encoding": b"chunked",
    }
    assert not seen.doubled
    assert seen.body == BODY


@pytest.mark.parametrize("size", [10, 65_000])
async def test_endless_trailers_are_refused(size: int) -> None:
    recorder = Recorder()
    async with edge(recorder.begin) as (_, port):
        trailers = b"".join(b"x%d: %s\r\n" % (number, b"y" * size) for number in range(1_000_000 // size))
        assert statuses(await talk(port, CHUNKED + chunk(BODY) + b"0\r\n", trailers)) == [413]
    assert not recorder.seen


async def test_a_long_trailer_that_comes_slowly_is_refused_when_it_is_longer_than_headers_may_be() -> None:
    async with edge(Recorder().begin) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CHUNKED + chunk(BODY) + b"0\r\nx-a: ")
        sent = 0
        while not reader._buffer:  # type: ignore[attr-defined]  # nothing has been said yet
            writer.write(b"y" * 1000)
            sent += 1000
            await asyncio.sleep(0.001)
            assert sent < 100_000
            if sent == 10_000:
                assert 5000 < sum(one.arriving_bytes for one in server.shared.connections) < 11_000
        assert statuses(await asyncio.wait_for(reader.read(), 5)) == [413]
        writer.close()


async def test_a_body_in_the_smallest_chunks_is_taken_in() -> None:
    recorder = Recorder()
    async with edge(recorder.begin) as (_, port):
        body = bytes(range(256)) * 100
        chunks = [chunk(bytes([byte])) for byte in body]
        parts = (b"".join(chunks[at : at + 100]) for at in range(0, len(chunks), 100))
        assert statuses(await talk(port, CHUNKED, *parts, b"0\r\n\r\n")) == [200]
    assert recorder.seen[0].body == body


async def test_beyond_the_most_connections_new_ones_are_told_to_come_back() -> None:
    recorder = Recorder()
    async with edge(recorder.begin, Limits(connections=2)) as (_, port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.05)
        answer = await talk(port, end=False)
        assert statuses(answer) == [503]
        assert b"retry-after" in answer
        for _, writer in held:
            writer.close()


async def test_who_comes_in_a_crowd_and_is_one_too_many_is_gone_soon() -> None:
    """The places are counted before all of those are there who are accepted at once."""
    async with edge(Recorder().begin, Limits(connections=2, linger_seconds=0.1)) as (server, port):
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]  # the loop accepts them afterwards
        while len(server.shared.connections) < 6:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while len(server.shared.connections) > 2:
                await asyncio.sleep(0.01)
        for one in crowd:
            one.close()


LAST = HEAD + b"connection: close\r\ncontent-length: 17\r\n\r\n" + BODY


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("apart", [False, True])
async def test_what_follows_a_last_request_is_ignored_and_its_connection_ends(late: bool, apart: bool) -> None:
    recorder = Recorder()
    recorder.hold = late
    async with edge(recorder.begin, Limits(linger_seconds=0.2)) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LAST + (b"" if apart else b"x"))
        while not recorder.seen:
            await asyncio.sleep(0.01)
        if apart:
            writer.write(GOOD)
        if late:
            await asyncio.sleep(0.05)
            recorder.seen[0].answer(json_response(200, "{}"))
        assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
        await gone(server)  # although the client never closes
        writer.close()
    assert len(recorder.seen) == 1


async def test_an_error_behind_requests_that_wait_is_told_after_their_answers() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin, Limits(linger_seconds=0.2)) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD * 2 + b"noise\r\n\r\n")
        while len(recorder.seen) < 2:
            await asyncio.sleep(0.01)
        writer.write(b"more noise")
        await asyncio.sleep(0.05)
        for exchange in recorder.seen:
            exchange.answer(json_response(200, "{}"))
        assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200, 200, 400]
        await gone(server)
        writer.close()


async def test_at_the_end_begun_requests_are_answered() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        while not recorder.seen:
            await asyncio.sleep(0.01)
        closing = asyncio.create_task(server.close(5))
        await asyncio.sleep(0.05)
        recorder.seen[0].answer(json_response(200, '{"ok": true}'))
        assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
        await closing
        writer.close()


async def test_a_sender_that_leaves_does_not_disturb_its_answer() -> None:
    recorder = Recorder()
    recorder.hold = True
    async with edge(recorder.begin) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        while not recorder.seen:
            await asyncio.sleep(0.01)
        reset = struct.pack("ii", 1, 0)  # SO_LINGER of zero: the close is a reset
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        await gone(server)
        recorder.seen[0].answer(json_response(200, '{"ok": true}'))
        recorder.hold = False
        assert statuses(await talk(port, GOOD)) == [200]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(GOOD)), max_size=8), st.integers(1, 4))
def test_however_it_is_cut_a_stream_of_requests_is_read_the_same(cuts: list[int], count: int) -> None:
    async def run() -> None:
        recorder = Recorder()
        async with edge(recorder.begin) as (_, port):
            stream = GOOD * count
            edges = sorted({0, len(stream), *cuts})
            answer = await talk(port, *(stream[a:b] for a, b in pairwise(edges)))
        assert statuses(answer) == [200] * count
        assert [exchange.body for exchange in recorder.seen] == [BODY] * count

    asyncio.run(run())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(GOOD)))
def test_noise_never_harms_a_neighbour(noise: bytes, at: int) -> None:
    async def run() -> None:
        recorder = Recorder()
        async with edge(recorder.begin, QUICK) as (_, port):
            await talk(port, GOOD[:at] + noise + GOOD[at:])
            assert statuses(await talk(port, GOOD)) == [200]

    asyncio.run(run())
