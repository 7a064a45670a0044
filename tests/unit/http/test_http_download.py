"""Downloads: piece by piece into a file, begun anew by a retry, bounded, with a pause as the only timeout."""

import asyncio
import io

import pytest
from aiohttp import web

from libs.http.errors import Garbage, NotFound, RateLimited, Unavailable

CONTENT = bytes(range(256)) * 2000


async def streamed(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="a.zip"'})
    await answer.prepare(request)
    for start in range(0, len(CONTENT), 50_000):
        await answer.write(CONTENT[start : start + 50_000])
    await answer.write_eof()
    return answer


async def test_the_bytes_are_in_the_sink(client_of):
    sink = io.BytesIO(b"what was there before" * 100_000)
    sink.seek(7)
    async with client_of(streamed) as api:
        answer = await api.download("/file", sink, max_bytes=len(CONTENT))
    assert sink.getvalue() == CONTENT
    assert (answer.status, answer.body) == (200, None)
    assert answer.headers["content-disposition"].endswith('"a.zip"')


async def test_a_broken_download_begins_anew(client_of):
    asked = []

    async def breaking(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if len(asked) == 3:
            return await streamed(request)
        if len(asked) == 2:
            return web.Response(status=503)
        answer = web.StreamResponse()
        answer.content_length = len(CONTENT)
        await answer.prepare(request)
        await answer.write(b"x" * 100_000)
        assert request.transport is not None
        request.transport.abort()
        return answer

    sink = io.BytesIO()
    async with client_of(breaking) as api:
        await api.download("/file", sink, max_bytes=len(CONTENT))
    assert sink.getvalue() == CONTENT
    assert len(asked) == 3


async def test_a_download_is_bounded(client_of):
    async with client_of(streamed) as api:
        with pytest.raises(Garbage, match="longer than 1000 bytes"):
            await api.download("/file", io.BytesIO(), max_bytes=1000)


async def test_a_refusal_writes_nothing(client_of):
    for status, error in ((404, NotFound), (429, RateLimited)):
        sink = io.BytesIO(b"kept")

        async def refused(_request: web.Request, status: int = status) -> web.Response:
            return web.json_response({"errors": []}, status=status)

        async with client_of(refused, attempts=1) as api:
            with pytest.raises(error):
                await api.download("/file", sink, max_bytes=1000)
        assert sink.getvalue() == b"kept"


async def test_only_a_pause_is_a_timeout(client_of):
    async def slow(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(4):
            await asyncio.sleep(0.15)
            await answer.write(b"x")
        await asyncio.sleep(float(request.query.get("pause", 0)))
        return answer

    async with client_of(slow, attempts=1, timeout_seconds=0.5) as api:
        sink = io.BytesIO()
        await api.download("/file", sink, max_bytes=1000)
        assert sink.getvalue() == b"xxxx"
        with pytest.raises(Unavailable, match="no answer within"):
            await api.download("/file", sink, max_bytes=1000, query={"pause": "5"})
