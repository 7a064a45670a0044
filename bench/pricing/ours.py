"""Our side: the board as the service has it, and its writing by command into topic and read model."""

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from bench.pricing.postgres import digest, figures_row
from bench.pricing.world import CHANGED, DAY, RULES, World
from libs.bus.dead_letter import DeadLetters
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.commands.run import Commands
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.projection.live import LiveProjection, Tuning
from libs.read_models import READ_MODELS
from libs.read_models.entities import read_model
from schemas.opportunities.opportunity_changed import ENTITY, OpportunityChangedV1
from services.pricing.board import Board, Computed
from services.pricing.messages import RuleTold
from services.pricing.opportunities import Opportunities

_AT_ONCE = 2_000


def board(world: World) -> tuple[Board, dict[str, bytes], dict[str, bytes]]:
    """A board that was told the world, and its tables."""
    products: dict[str, bytes] = {}
    shared: dict[str, bytes] = {}
    made = Board(0, products, shared)
    for number, part in world.parts():
        made.change(number, part)
    for rule in RULES:
        made.share(RuleTold(rule.id, rule))
    return made, products, shared


def everything(of: Board) -> Computed:
    """All opportunities of the day."""
    return [each for some in of.everything(DAY) for each in some]


def recompute(of: Board) -> tuple[float, Computed]:
    """Seconds from a rule's message to all figures."""
    began = perf_counter()
    of.share(RuleTold(CHANGED.id, CHANGED))
    found = everything(of)
    return perf_counter() - began, found


def digest_of(computed: Computed) -> str:
    """As the statement's rows have it."""
    return digest(figures_row(place, figures) for place, figures in sorted(computed, key=lambda each: each[0]))


class Written:
    """Live opportunities in a topic and its read model, and pricing's writer."""

    def __init__(self, kafka: KafkaSettings, url: str) -> None:
        self._kafka = kafka
        self._url = url

    async def fill(self, computed: Computed) -> None:
        """Facts in the topic, and rows by the projector, as if they had been computed long ago."""
        async with Database(self._url, application="bench") as database, Publisher(self._kafka, "bench") as publisher:
            await migrate(database)
            at = datetime.now(UTC)
            facts = [
                OpportunityChangedV1(
                    opportunity_id=number,
                    unified_product_id=place[0],
                    channel=place[1],
                    market=place[2],
                    updated_at=at,
                    **{name: getattr(figures, name) for name in figures.__dataclass_fields__},
                )
                for number, (place, figures) in enumerate(computed, 1)
                if figures is not None
            ]
            for begin in range(0, len(facts), _AT_ONCE):
                await asyncio.gather(*(publisher.publish(Outgoing(fact)) for fact in facts[begin : begin + _AT_ONCE]))
            await self._project(database, publisher, len(facts))

    async def _project(self, database: Database, publisher: Publisher, facts: int) -> None:
        model, stop = read_model(ENTITY), asyncio.Event()
        dead_letters = DeadLetters(self._kafka, publisher, "projector")
        projection = LiveProjection(model, self._kafka, database, dead_letters, tuning=Tuning())
        running = asyncio.create_task(projection.run(stop))
        try:
            while not running.done():
                await asyncio.sleep(0.5)
                async with database.connection() as connection:
                    if await connection.fetchval("SELECT to_regclass('read_models.opportunities')") is None:
                        continue
                    if await connection.fetchval("SELECT count(*) FROM read_models.opportunities") == facts:
                        return
        finally:
            stop.set()
            await running

    async def write(self, computed: Computed) -> tuple[float, int]:
        """Seconds until all is in the topic (acknowledged) and in the rows (committed), and the number of facts."""
        async with Database(self._url, application="bench") as database, Publisher(self._kafka, "bench") as publisher:
            commands = Commands(database, self._kafka, publisher, "bench", READ_MODELS)
            async with commands:
                writer = Opportunities(commands, Sequences(database))
                await writer.write(computed[:1])  # connected, looked up
                began = perf_counter()
                facts = await writer.write(computed)
                return perf_counter() - began, facts
