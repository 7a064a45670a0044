"""What senders do wrong on the wire: a clear answer or a closed connection, and neighbours are served meanwhile."""

import asyncio

import pytest

from tests.unit.webhook_gateway.shop import MOST, Running, body_of, gateway_running, sign
from tests.unit.webhook_gateway.wire import post, say, statuses


def signed(body: bytes, *headers: str, **more: object) -> bytes:
    return post("/webhooks/shop", body, f"X-Shop-Signature: {sign(body)}", *headers, **more)  # type: ignore[arg-type]


async def test_a_body_that_breaks_off_is_not_taken_in(running: Running) -> None:
    whole = signed(body_of(1))
    for cut in (1, 5, len(whole) // 2):
        assert not any(status < 400 for status in statuses(await say(running.port, whole[:-cut], end=True)))
    assert not running.published
    assert {one.reason for one in running.decided} <= {"client_gone"}
    assert running.decided


async def test_a_content_length_that_is_too_small_is_refused(running: Running) -> None:
    body = body_of(1)
    answer = await say(running.port, signed(body, length=len(body) - 1))
    assert statuses(answer)[0] in {400, 401}
    assert not running.published


async def test_a_content_length_beyond_the_limit_is_refused_before_the_body(running: Running) -> None:
    answer = await say(running.port, signed(b"", length=10 * 1024 * 1024))
    assert statuses(answer) == [413]
    assert not running.published


async def test_a_chunked_body_beyond_the_limit_is_refused_while_it_is_sent(running: Running) -> None:
    head = post("/webhooks/shop", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = await say(running.port, head, *[chunk] * (MOST // 0x4000 + 1), b"0\r\n\r\n")
    assert statuses(answer) == [413]


async def test_a_chunked_delivery_is_taken_in(running: Running) -> None:
    body = body_of(1)
    head = post("/webhooks/shop", b"", f"X-Shop-Signature: {sign(body)}")
    head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = b"".join(b"1\r\n" + body[index : index + 1] + b"\r\n" for index in range(len(body)))
    assert statuses(await say(running.port, head, chunks, b"0\r\n\r\n")) == [202]
    assert running.published[0].fact.encode() == body


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /webhooks/shop HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\n\r\nzz\r\nxx\r\n0\r\n\r\n",
        post("/webhooks/shop", b"{}", "Content-Length: 3"),
        post("/webhooks/shop", b"{}", "Transfer-Encoding: chunked"),
        post("/webhooks/shop", b"{}").replace(b"Content-Length: 2", b"Content-Length: -2"),
        post("/webhooks/shop", b"{}").replace(b"Content-Length: 2", b"Content-Length: 2x"),
        post("/webhooks/shop", b"{}").replace(b"Host: gateway", b"Bad Name: x"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"GET\r\n\r\n",
        b"POST /webhooks/shop HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400(running: Running, request_: bytes) -> None:
    answer = await say(running.port, request_)
    assert statuses(answer)[0] == 400
    assert not running.published


async def test_headers_that_are_too_large_are_431(running: Running) -> None:
    assert statuses(await say(running.port, post("/webhooks/shop", b"{}", "X-Long: " + "x" * 20_000))) == [431]


async def test_a_body_without_a_length_is_411_and_told_of(running: Running) -> None:
    request = post("/webhooks/shop", b"").replace(b"Content-Length: 0\r\n", b"")
    assert statuses(await say(running.port, request)) == [411]
    assert [(one.reason, one.status) for one in running.decided] == [("bad_request", 411)]


async def test_a_delivery_behind_another_request_on_one_connection_is_taken_in_the_same_way(running: Running) -> None:
    get = b"GET /mercadolibre/ping HTTP/1.1\r\nHost: g\r\n\r\n"
    first, second = signed(body_of(1), "X-Request-Id: r-1", close=False), signed(body_of(1), "X-Request-Id: r-2")
    assert statuses(await say(running.port, first.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))) == [202]
    assert statuses(await say(running.port, get, second)) == [200, 202]
    assert [(one.decision.value, one.delivery_ref) for one in running.decided] == [
        ("accepted", "r-1"),
        ("duplicate", "r-2"),
    ]


async def test_a_target_in_another_spelling_is_the_same_place(running: Running) -> None:
    for path in ("/webhooks/sh%6Fp/m%61in", "/%77ebhooks/shop", "http://gateway/webhooks/shop"):
        assert statuses(await say(running.port, signed(body_of(1)).replace(b"/webhooks/shop", path.encode()))) == [202]
    assert len(running.published) == 1


@pytest.mark.parametrize("name", ["X-Shop-Signature", "Content-Type"])
async def test_a_header_that_matters_and_stands_twice_is_400(running: Running, name: str) -> None:
    answer = await say(running.port, signed(body_of(1), f"{name}: application/json"))
    assert statuses(answer) == [400]
    assert not running.published


async def test_a_header_of_a_proxy_may_stand_twice(running: Running) -> None:
    answer = await say(running.port, signed(body_of(1), "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2"))
    assert statuses(answer) == [202]


async def test_a_header_of_other_bytes_than_ascii_is_400_where_it_matters(running: Running) -> None:
    body = body_of(1)
    request = post("/webhooks/shop", body, "X-Shop-Signature: SIGNATURE").replace(b"SIGNATURE", b"\xff\xfe\xc3")
    assert statuses(await say(running.port, request)) == [400]


async def test_pipelined_deliveries_are_answered_in_order(running: Running) -> None:
    requests = [signed(body_of(number), close=number == 4) for number in range(5)]
    assert statuses(await say(running.port, b"".join(requests))) == [202] * 5
    assert [one.notification_topic for one in running.decided] == ["orders"] * 5
    assert len(running.published) == 5


async def test_a_bad_delivery_between_good_ones_harms_neither(running: Running) -> None:
    bad = post("/webhooks/shop", b"{", f"X-Shop-Signature: {sign(b'{')}", close=False)
    answer = await say(running.port, signed(body_of(1), close=False) + bad + signed(body_of(2)))
    assert statuses(answer) == [202, 400, 202]


async def test_a_slow_sender_is_told_so_and_holds_nobody_up() -> None:
    async with gateway_running(body_seconds=0.3) as running:
        body = body_of(1)
        slow = asyncio.create_task(say(running.port, signed(body)[:-3]))
        assert statuses(await say(running.port, signed(body_of(2)))) == [202]
        assert statuses(await slow) == [408]
        assert len(running.published) == 1


async def test_many_connections_that_say_nothing_hold_nobody_up(running: Running) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(200)]
    try:
        for _, writer in silent[:100]:
            writer.write(b"POST /webhooks/shop HTTP/1.1\r\nHost: g\r\nX-")
        assert statuses(await say(running.port, signed(body_of(1)))) == [202]
    finally:
        for _, writer in silent:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in silent), return_exceptions=True)
