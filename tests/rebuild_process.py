"""`python -m tests.rebuild_process`: a rebuild in small batches that kills itself (SIGKILL) at a given point.

Arguments: servers, topic prefix, database URL, and the point: `advance:3` (the third batch) or how a step begins; then
perhaps how many processes shall fill the table. Before its end it prints the pids of these.
"""

import asyncio
import os
import signal
import sys

import psutil

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.catch_up import Source
from libs.projection.rebuild import Rebuild
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.telemetry.log import configure_logs


class Deadly:
    """Progress that ends the process."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._batches = 0

    def step(self, text: str, records: int = 0) -> None:
        if text.startswith(self._point):
            self._die()

    def advance(self, records: int) -> None:
        self._batches += 1
        if self._point == f"advance:{self._batches}":
            self._die()

    def _die(self) -> None:
        print(*(child.pid for child in psutil.Process().children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


async def main(servers: str, prefix: str, url: str, point: str, processes: str = "1") -> None:
    kafka = KafkaSettings(bootstrap_servers=servers, topic_prefix=prefix)
    async with Database(url, application="sellstream read-models") as database:
        source = Source(kafka, batch_records=7, processes=int(processes), records_per_process=1)
        await Rebuild(ORDERS, kafka, database, Deadly(point), source=source).rebuild()


if __name__ == "__main__":
    configure_logs("rebuild", level="ERROR")  # standard output is for the pids
    asyncio.run(main(*sys.argv[1:]))
