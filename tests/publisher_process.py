"""The publisher's worker in a process of its own, to be killed: `python -m tests.publisher_process`.

Its consumer is not here: Kafka gives a killed consumer's partitions to another one only after a while.
"""

import asyncio

from services.publisher.app import build
from services.publisher.config import Config


async def main() -> None:
    async with build(Config()) as service:
        await service.workers["worker"](asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
