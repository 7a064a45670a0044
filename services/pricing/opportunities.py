"""Writing opportunities: by command, as everybody writes to that topic; only what differs from the live rows.

What was computed is compared with the rows under lock, so that computing the same again writes nothing: a worker that
was killed anywhere does its work again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.command import Command, T, Work
from libs.commands.errors import ReadModelBehind
from libs.commands.run import Commands
from libs.db.errors import DatabaseAway
from libs.entities.change import CREATE, DELETE, UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.sequences import Sequences
from libs.pricing.opportunities import Figures
from libs.pricing.quoting import Place
from libs.projection.live_build import OtherVersion
from libs.read_models.entities import read_model
from libs.telemetry.log import get_logger
from schemas.opportunities.opportunity_changed import ENTITY
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from services.pricing.board import Computed

log = get_logger()

_ROWS = read_model(ENTITY)
_PRODUCTS = read_model(PRODUCT)
_FIGURES = tuple(Figures.__dataclass_fields__)
_AT_ONCE = 250
"""Facts of one command: it holds the read model locked for as long as Kafka takes to acknowledge them."""
_SHORTEST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_PASSES = (NotPublished, KafkaAway, ReadModelBehind, DatabaseAway, OtherVersion)


async def patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Do it, and again while something is away that comes back by itself, however long."""
    pause = _SHORTEST_PAUSE
    while True:
        try:
            return await step()
        except _PASSES as error:
            log.warning("pricing waits", reason=f"{type(error).__name__}: {error}", seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


class Opportunities:
    """Keeps the rows as they were computed last."""

    def __init__(
        self, commands: Commands, sequences: Sequences, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._commands = commands
        self._sequences = sequences
        self._now = now

    async def write(self, computed: Computed) -> int:
        """Bring the rows in line; how many facts that took. Waits for what is away, however long."""
        written = 0
        for begin in range(0, len(computed), _AT_ONCE):
            written += await patiently(partial(self._commands.run, self._work(computed[begin : begin + _AT_ONCE])))
        return written

    def _work(self, some: Computed) -> Work[int]:
        async def work(command: Command) -> int:
            sequence = await self._sequences.of(ENTITY)
            known = await _known(command, [place for place, _ in some])
            changes: list[Change] = []
            created: list[tuple[Place, Figures]] = []
            for place, figures in some:
                number, before = known.get(place, (None, None))
                if figures is None:
                    if number is not None:
                        changes.append(Change(DELETE, number))
                elif number is None:
                    created.append((place, figures))
                elif different := _different(before or {}, figures):
                    changes.append(Change(UPDATE, number, different))
            changes += await _creates(command, created)
            if changes:
                await decide(command, ENTITY, changes, sequence, self._now())
            return len(changes)

        return work


_Known = dict[Place, tuple[int, dict[str, object]]]


async def _known(command: Command, places: Sequence[Place]) -> _Known:
    """The live opportunities of these places; the whole read model is locked."""
    table = await command.whole(_ROWS)
    rows = await command.connection.fetch(
        f"""
        SELECT opportunity_id, unified_product_id, channel, market, {", ".join(_FIGURES)} FROM {table}
        JOIN unnest($1::bigint[], $2::text[], $3::text[]) AS asked (product, its_channel, its_market)
        ON unified_product_id = product AND channel = its_channel AND market = its_market
        WHERE NOT deleted
        """,  # noqa: S608  (declared names)
        *map(list, zip(*places, strict=True)),
    )
    return {
        (row["unified_product_id"], row["channel"], row["market"]): (
            row["opportunity_id"],
            {name: row[name] for name in _FIGURES},
        )
        for row in rows
    }


def _different(before: dict[str, object], figures: Figures) -> dict[str, object]:
    now = {name: getattr(figures, name) for name in _FIGURES}
    return {name: value for name, value in now.items() if before[name] != value}


async def _creates(command: Command, created: Sequence[tuple[Place, Figures]]) -> list[Change]:
    """New opportunities of products that still are there: the log of products may be ahead of what we have read."""
    if not created:
        return []
    rows = await command.rows(_PRODUCTS, {str(place[0]) for place, _ in created})
    changes = []
    for (product, channel, market), figures in created:
        row = rows.get(str(product))
        if row is not None and not row.deleted:
            values = {name: getattr(figures, name) for name in _FIGURES}
            place = {"unified_product_id": product, "channel": channel, "market": market}
            changes.append(Change(CREATE, None, place | values))
    return changes
