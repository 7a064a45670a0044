"""A process that appends words to one search run, each under its Idempotency-Key, until it is killed.

`python -m tests.commands_process NAME RUN FIRST`: NAME makes its words its own, FIRST is the number of the first word.
It prints each word when its command was answered. Kafka and PostgreSQL come from the environment.
"""

import asyncio
import sys
from functools import partial

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.commands.requests import Request
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.db.settings import DatabaseSettings
from libs.read_models import READ_MODELS
from libs.telemetry.log import configure_logs
from tests.searching import append


async def main(name: str, number: int, first: int) -> None:
    kafka, url = KafkaSettings(), DatabaseSettings().url
    async with (
        Publisher(kafka, name) as publisher,
        Database(url, application=name) as database,
        Commands(database, kafka, publisher, name, READ_MODELS, patience=30) as commands,
    ):
        count = first
        while True:
            word = f"{name}n{count}"
            request = Request("append", word, word.encode())
            await commands.run_once(request, partial(append, number=number, word=word))
            print(word, flush=True)
            count += 1


if __name__ == "__main__":
    configure_logs(sys.argv[1], level="ERROR")  # standard output is for the words
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
