"""The life of a consumer's session: what runs until something ends, and a close that waits for nobody."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer

from libs.telemetry.log import get_logger

log = get_logger()

CLOSE_SECONDS = 4.0

_CLOSING: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly


async def first(*work: Coroutine[Any, Any, None], until: Iterable[asyncio.Event]) -> None:
    """Run all until one of them ends or one of the events is set; then cancel the rest. Raises what the work raised."""
    working = {asyncio.create_task(one) for one in work}
    waiting = {asyncio.create_task(event.wait()) for event in until}
    try:
        await asyncio.wait({*working, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = {task for task in working if task.done()}
        for task in {*working, *waiting} - ended:
            task.cancel()
        await asyncio.gather(*working, *waiting, return_exceptions=True)
    for task in ended:
        task.result()


async def close(client: AIOKafkaConsumer) -> None:
    """Leave the group and close; without Kafka that may take long, and then it goes on behind us."""
    closing = asyncio.create_task(client.stop(), name="stop of a consumer")
    _CLOSING.add(closing)
    closing.add_done_callback(_CLOSING.discard)
    done, _ = await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if not done:
        log.warning("the consumer's connection is not closed yet: Kafka is away")
    elif closing.cancelled():
        # aiokafka lets the cancellation of its own waiting fetches escape from `stop`; nobody cancelled us.
        log.warning("the consumer did not close cleanly: Kafka is away")
    elif (error := closing.exception()) is not None:
        log.warning("the consumer did not close cleanly", error=f"{type(error).__name__}: {error}")
