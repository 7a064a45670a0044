"""aiohttp, aiokafka's `send_and_wait`: the lean way without anything of one's own; on uvloop if told so."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator

import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer

from bench.peers.settings import PeerSettings, producer

settings = PeerSettings.from_environment()
PRODUCER: web.AppKey[AIOKafkaProducer] = web.AppKey("producer", AIOKafkaProducer)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    async with producer(settings) as started:
        app[PRODUCER] = started
        yield


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    mac = hmac.digest(settings.signature_key, settings.notification_url + body, "sha256")
    signature = request.headers.get("x-square-hmacsha256-signature", "")
    if not hmac.compare_digest(base64.b64encode(mac), signature.encode()):
        raise web.HTTPUnauthorized(text="bad signature")
    await request.app[PRODUCER].send_and_wait(settings.topic, body)
    return web.json_response({"status": "accepted"})


async def ready(_: web.Request) -> web.Response:
    return web.json_response({"status": "ready"})


def main() -> None:
    """Serve until SIGTERM."""
    app = web.Application()
    app.cleanup_ctx.append(lifespan)
    app.router.add_post(settings.path, receive)
    app.router.add_get("/readyz", ready)
    loop = uvloop.new_event_loop() if settings.uvloop else asyncio.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=settings.port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
