"""The client against a real server: each status and failure is one error; retries, tokens, bounds."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from aiohttp import web
from opentelemetry import trace
from prometheus_client import REGISTRY

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import (
    Blocked,
    CircuitOpen,
    Garbage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)


def answers(*responses: web.Response | tuple[int, str]):
    """A route that gives these answers in turn, and the last one for ever; it counts in `.requests`."""

    async def route(request: web.Request) -> web.Response:
        route.requests.append(request)
        status, text = responses[min(len(route.requests), len(responses)) - 1]
        return web.Response(status=status, text=text, content_type="application/json")

    route.requests = []
    return route


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Blocked),
        (404, NotFound),
        (408, Unavailable),
        (410, NotFound),
        (422, Refused),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
        (302, Garbage),
    ],
)
async def test_each_status_means_one_error(client_of, status, error):
    async with client_of(answers((status, '{"error": "code", "message": "x"}')), attempts=1) as api:
        with pytest.raises(error) as raised:
            await api.call("GET", "/things/1", operation="/things/{id}")
    assert raised.value.status == status
    assert raised.value.operation == "GET /things/{id}"
    assert "/things/1" not in str(raised.value)


async def test_an_answer_keeps_money_exact(client_of):
    async with client_of(answers((200, '{"a": 0.1, "b": 1500.00, "c": 2000016796107000}'))) as api:
        answer = await api.call("GET", "/")
    assert answer.body == {"a": Decimal("0.1"), "b": Decimal("1500.00"), "c": 2000016796107000}
    assert str(answer.body["b"]) == "1500.00"


@pytest.mark.parametrize(
    "text",
    ["<html>", '{"a": NaN}', '{"a": ', "[" * 200_000, '{"a": ' + "9" * 5000 + "}", '{"a": 1e99999999999999999999}'],
)
async def test_an_unreadable_answer_is_garbage(client_of, text):
    async with client_of(answers((200, text))) as api:
        with pytest.raises(Garbage):
            await api.call("GET", "/")


async def test_bytes_that_are_not_utf8_are_garbage(client_of):
    async def route(_request: web.Request) -> web.Response:
        return web.Response(body=b'{"a": "\xff\xfe\xfa"}', content_type="application/json")

    async with client_of(route) as api:
        with pytest.raises(Garbage, match="UTF-8"):
            await api.call("GET", "/")


async def test_an_answer_beyond_the_bound_is_garbage(client_of):
    async with client_of(answers((200, '"' + "x" * 5000 + '"')), max_answer_bytes=1000) as api:
        with pytest.raises(Garbage, match="longer than 1000 bytes") as raised:
            await api.call("GET", "/")
    assert raised.value.raw == b'"' + b"x" * 999, "its first bytes are kept"


async def test_an_error_beyond_the_bound_means_what_its_status_says(client_of):
    page = "<html>" + "x" * 5000
    async with client_of(answers((429, page), (503, page), (400, page)), max_answer_bytes=1000, attempts=1) as api:
        for kind in (RateLimited, Unavailable, Refused):
            with pytest.raises(kind) as raised:
                await api.call("GET", "/")
            assert raised.value.raw == page[:1000].encode()


async def test_a_plain_text_429_is_still_rate_limited(client_of):
    async with client_of(answers((429, "local_rate_limited")), attempts=1) as api:
        with pytest.raises(RateLimited) as raised:
            await api.call("GET", "/")
    assert raised.value.body is None


async def test_failures_that_pass_are_tried_again(client_of):
    route = answers((500, ""), (503, ""), (200, '{"ok": true}'))
    async with client_of(route, attempts=3) as api:
        assert (await api.call("GET", "/")).body == {"ok": True}
    assert len(route.requests) == 3


async def test_what_cannot_pass_is_not_tried_again(client_of):
    route = answers((404, ""))
    async with client_of(route) as api:
        with pytest.raises(NotFound):
            await api.call("GET", "/")
    assert len(route.requests) == 1


async def test_a_post_is_not_repeated_unless_it_may_be(client_of):
    route = answers((500, ""))
    async with client_of(route, attempts=3) as api:
        with pytest.raises(Unavailable):
            await api.call("POST", "/", body={"n": 1})
        assert len(route.requests) == 1
        with pytest.raises(Unavailable):
            await api.call("POST", "/", body={"n": 1}, repeatable=True)
    assert len(route.requests) == 4


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_long_retry_after_is_left_to_the_caller(client_of, form):
    at = datetime.now(UTC) + timedelta(seconds=120)
    requests = []

    async def route(request: web.Request) -> web.Response:
        requests.append(request)
        asked = "120" if form == "seconds" else format_datetime(at, usegmt=True)
        return web.Response(status=429, headers={"Retry-After": asked})

    async with client_of(route) as api:
        with pytest.raises(RateLimited) as raised:
            await api.call("GET", "/")
        assert timedelta(seconds=110) < raised.value.retry_after <= timedelta(seconds=120)
        with pytest.raises(RateLimited):  # nobody else asks before the time is over
            await api.call("GET", "/")
    assert len(requests) == 1


async def test_a_429_without_retry_after_stops_all_for_as_long_as_the_api_is_known_to_want(client_of):
    route = answers((429, "{}"))
    async with client_of(route, attempts=3, unnamed_retry_seconds=60) as api:
        for _ in range(2):  # the second one is not sent
            with pytest.raises(RateLimited) as raised:
                await api.call("GET", "/")
            assert timedelta(seconds=55) < raised.value.retry_after <= timedelta(seconds=60)
    assert len(route.requests) == 1


async def test_a_short_retry_after_is_obeyed(client_of):
    times = []

    async def route(_request: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            return web.Response(status=429, headers={"Retry-After": "0.2"})
        return web.json_response({})

    async with client_of(route) as api:
        await api.call("GET", "/")
    assert times[1] - times[0] >= 0.2


async def test_silence_is_unavailable(client_of):
    release = asyncio.Event()

    async def route(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with client_of(route, attempts=1, timeout_seconds=0.05) as api:
        with pytest.raises(Unavailable, match=r"within 0\.05 s"):
            await api.call("GET", "/")
        release.set()


async def test_a_cut_connection_is_unavailable(client_of):
    async def route(request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    async with client_of(route, attempts=1) as api:
        with pytest.raises(Unavailable):
            await api.call("GET", "/")


async def test_nobody_there_is_unavailable():
    async with ApiClient("test", ApiSettings(base_url="http://127.0.0.1:1", attempts=1)) as api:
        with pytest.raises(Unavailable):
            await api.call("GET", "/")


async def test_the_circuit_opens_after_five_failures_and_one_probe_closes_it(client_of):
    route = answers(*[(500, "")] * 5, (200, "{}"))
    async with client_of(route, attempts=1, circuit_failures=5, circuit_open_seconds=0.2) as api:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await api.call("GET", "/")
        with pytest.raises(CircuitOpen) as raised:
            await api.call("GET", "/")
        assert raised.value.retry_after > timedelta(0)
        assert len(route.requests) == 5
        assert REGISTRY.get_sample_value("http_client_circuit_open", {"client": "test"}) == 1
        await asyncio.sleep(0.2)
        await api.call("GET", "/")
        assert REGISTRY.get_sample_value("http_client_circuit_open", {"client": "test"}) == 0


class Tokens:
    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.rejected: list[str] = []

    async def token(self) -> str:
        return self.tokens[0]

    async def refresh(self, rejected: str) -> str:
        self.rejected.append(rejected)
        return self.tokens[-1]


async def test_a_401_is_answered_by_one_refresh_and_one_more_try(client_of):
    async def route(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "Bearer new"
        return web.json_response({}, status=200 if good else 401)

    tokens = Tokens("old", "new")
    async with client_of(route) as api:
        await api.call("GET", "/", tokens=tokens)
    assert tokens.rejected == ["old"]


async def test_a_second_401_is_unauthorized(client_of):
    route = answers((401, '{"message": "invalid access token"}'))
    tokens = Tokens("old", "new")
    async with client_of(route) as api:
        with pytest.raises(Unauthorized):
            await api.call("GET", "/", tokens=tokens)
    assert len(route.requests) == 2
    assert tokens.rejected == ["old"]


async def test_the_trace_goes_out_with_the_request(client_of):
    route = answers((200, "{}"))
    trace_id = 0x0AF7651916CD43DD8448EB211C80319C
    context = trace.SpanContext(trace_id, 0xB7AD6B7169203331, is_remote=True)
    async with client_of(route) as api:
        with trace.use_span(trace.NonRecordingSpan(context)):
            await api.call("GET", "/")
    assert f"{trace_id:032x}" in route.requests[0].headers["traceparent"]


async def test_a_redirect_is_not_followed_with_the_token(client_of):
    seen = []

    async def route(request: web.Request) -> web.Response:
        seen.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with client_of(route) as api:
        with pytest.raises(Garbage, match="redirect"):
            await api.call("GET", "/here", tokens=Tokens("secret"))
    assert seen == ["/here"]


async def test_a_base_url_with_a_path_is_kept():
    paths = []

    async def route(request: web.Request) -> web.Response:
        paths.append(request.path_qs)
        return web.json_response({})

    from aiohttp.test_utils import TestServer  # noqa: PLC0415

    app = web.Application()
    app.router.add_get("/{tail:.*}", route)
    async with (
        TestServer(app) as server,
        ApiClient("test", ApiSettings(base_url=str(server.make_url("/v2/")))) as api,
    ):
        await api.call("GET", "/a%2Fb", query={"api_version": "4"})
    assert paths == ["/v2/a%2Fb?api_version=4"]
