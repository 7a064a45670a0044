"""FastAPI on uvicorn, aiokafka's `send_and_wait`: what most Python teams would write first.

On asyncio and h11, as `pip install uvicorn` gives it; on uvloop and httptools where that is asked for.
"""

import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException, Request

from bench.peers.settings import PeerSettings, producer

settings = PeerSettings.from_environment()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with producer(settings) as started:
        app.state.producer = started
        yield


app = FastAPI(lifespan=lifespan)


@app.post(settings.path)
async def receive(request: Request) -> dict[str, str]:
    body = await request.body()
    mac = hmac.digest(settings.signature_key, settings.notification_url + body, "sha256")
    signature = request.headers.get("x-square-hmacsha256-signature", "")
    if not hmac.compare_digest(base64.b64encode(mac), signature.encode()):
        raise HTTPException(401, "bad signature")
    kafka: AIOKafkaProducer = request.app.state.producer
    await kafka.send_and_wait(settings.topic, body)
    return {"status": "accepted"}


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.port,
        loop="uvloop" if settings.uvloop else "asyncio",
        http="httptools" if settings.uvloop else "h11",
        access_log=False,
        log_level="warning",
    )
