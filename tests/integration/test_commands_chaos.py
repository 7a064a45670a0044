"""Commands hurt between publishing and commit: a short, seeded form of `python -m tests.chaos.commands`."""

from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from tests.chaos.commands import FAULTS, hurt


async def test_hurt_amid_their_facts_batches_are_whole_and_rows_topics_and_answers_agree(
    database_url: str, kafka: KafkaSettings
) -> None:
    async with Database(database_url, application="tests") as database:
        await migrate(database)
        outcome = await hurt(database, kafka, faults=20, seed=20261121)
    assert all(outcome.faults[fault] for fault in FAULTS), "every fault was met"
