"""`python -m services.pricing.recompute`: all opportunities from the topics alone, compared with the live rows.

Reads every fact from the first to the log's end now, through the same handlers, joins and boards as the worker, with
nothing remembered. Exit status: 0 the same, 1 differences (they are printed).
"""

import asyncio
import sys
from contextlib import aclosing
from datetime import UTC, date, datetime
from typing import Any

from libs.bus.replay import is_replay
from libs.bus.settings import KafkaSettings
from libs.commands.live_builds import LiveBuilds
from libs.db.pool import Database
from libs.db.settings import DatabaseSettings
from libs.pricing.opportunities import Figures
from libs.pricing.quoting import Place
from libs.projection.record import Located
from libs.projection.table import Table
from libs.projection.whole_topics import whole_topics
from libs.read_models.entities import read_model
from schemas.opportunities.opportunity_changed import ENTITY
from services.pricing.board import Board, is_shared
from services.pricing.handlers import HANDLERS
from services.pricing.joins import JOINS
from services.pricing.messages import Sent

Opportunities = dict[Place, Figures]
NAMES = tuple(Figures.__dataclass_fields__)


class Recomputation:
    """The worker's stages one after another, in memory, as one partition."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], tuple[int, str | None]] = {}
        self._joined: dict[tuple[str, str], Any] = {}
        self._board = Board(0, {}, {})

    def take(self, found: Located) -> None:
        """One fact; facts of one entity come in the log's order."""
        topic, offset = found.position.topic, found.position.offset
        before, place = self._places.get((topic, found.key), (-1, None))
        basis: int | None = getattr(found.fact, "basis", None)
        if basis is not None and basis <= before:
            return
        here, sent = HANDLERS[topic](found.fact, place)
        self._places[topic, found.key] = (offset, here)
        for one in sent:
            self._deliver(one)

    def opportunities(self, day: date) -> Opportunities:
        """What there is on a day."""
        every = (each for some in self._board.everything(day) for each in some)
        return {place: figures for place, figures in every if figures is not None}

    def _deliver(self, sent: Sent) -> None:
        message: Any = sent.message
        join = JOINS.get(sent.topic)
        if join is not None:
            key = sent.key or ""
            if (sent.topic, key) not in self._joined:
                self._joined[sent.topic, key] = join.empty()
            for each in join.put(key, self._joined[sent.topic, key], message):
                self._deliver(each)
        elif is_shared(message):
            self._board.share(message)
        else:
            self._board.change(int(sent.key or ""), message)


async def recomputed(kafka: KafkaSettings, day: date) -> Opportunities:
    """All opportunities of a day, from the topics; what was replayed says nothing new. Raises KafkaAway."""
    made = Recomputation()
    async with aclosing(whole_topics(kafka, HANDLERS, "pricing")) as records:
        async for _, fact in records:
            if isinstance(fact, Located) and not is_replay(fact.record.headers):
                made.take(fact)
    return made.opportunities(day)


async def live(database: Database) -> Opportunities:
    """The opportunities of the live read model. Raises DatabaseAway, OtherVersion."""
    model = read_model(ENTITY)
    build = await LiveBuilds(database).live(model)
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT * FROM {Table(model, build.schema).name} WHERE NOT deleted"  # noqa: S608  (declared names)
        )
    return {
        (row["unified_product_id"], row["channel"], row["market"]): Figures(**{name: row[name] for name in NAMES})
        for row in rows
    }


async def _main() -> int:
    kafka, today = KafkaSettings(), datetime.now(UTC).date()
    async with Database(DatabaseSettings().url, application="pricing recompute") as database:
        wanted, there = await recomputed(kafka, today), await live(database)
    different = sorted(place for place in wanted.keys() | there.keys() if wanted.get(place) != there.get(place))
    for place in different:
        print(f"{place}: computed {wanted.get(place)}, live {there.get(place)}")
    print(f"{len(wanted)} opportunities computed from the topics, {len(there)} live, {len(different)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
