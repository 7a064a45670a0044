"""How the desk changes the catalog's rows: one command for each step, decided under lock by the catalog's own rules.

Every decision looks at the rows as they are, and is "nothing" where they say already what a fact says. So a fact that
comes again, after a crash or as a replay, changes nothing: an order is known by its channel, number and product, a
ticket by its thread, a purchase by its order.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from libs.bus.outcome import ErrorClass, Retry, Wait
from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.command import Command
from libs.commands.errors import FactRefused, ReadModelBehind
from libs.commands.run import Commands
from libs.commands.unified import NotPossible
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.entities.change import Change
from libs.entities.deciding import decide
from libs.entities.sequences import Sequences
from libs.privacy.keys import Keys
from libs.projection.live_build import OtherVersion
from libs.read_models.entities import EntityRow, read_model
from libs.suggesting import Suggester
from schemas.entities import BY_COLLECTION, BY_FACT
from schemas.entity import Entity, EntityFact
from schemas.envelope import Envelope

WAIT = timedelta(seconds=2)
_MOST_STEPS = 12

Plan = Callable[[Command], Awaitable[Change | None]]
"""Decides on locked rows; None: there is nothing to do."""


@dataclass(frozen=True)
class Desk:
    """What every part of the desk works with."""

    database: Database
    commands: Commands
    sequences: Sequences
    keys: Keys
    suggester: Suggester
    markets: dict[str, str]
    longest_lead_days: int
    least_profit_usd: Decimal
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def change(
        self, entity: Entity, plan: Plan, *, cause: Envelope, looks_at: Collection[Entity] = ()
    ) -> int | None:
        """Carry out one plan; the row's number, or None where nothing was to be done.

        The entity's read model and those of `looks_at` are locked as wholes, with all that the entity refers to.
        """
        sequence = await self.sequences.of(entity)
        others = {BY_COLLECTION[name] for reference in entity.references for name in reference.collections}
        models = sorted((read_model(one) for one in {entity, *others, *looks_at}), key=lambda model: model.name)

        async def work(command: Command) -> int | None:
            for model in models:
                await command.whole(model)
            change = await plan(command)
            if change is None:
                return None
            (value,) = await decide(command, entity, [change], sequence, self.now())
            return int(value)

        return await self.commands.run(work, cause=cause)

    async def visible(self, fact: EntityFact) -> None:
        """Wait until a fact's row can be read: it stands in the log before the command that decided it commits."""
        model = read_model(BY_FACT[type(fact)])

        async def look(command: Command) -> None:
            await command.row(model, fact.key())

        await self.commands.run(look)

    async def settle(
        self, entity: Entity, plan: Plan, *, cause: Envelope, looks_at: Collection[Entity] = ()
    ) -> int | None:
        """Carry out a plan step by step, a command and a fact for each, until there is nothing left to do."""
        number = None
        for _ in range(_MOST_STEPS):
            done = await self.change(entity, plan, cause=cause, looks_at=looks_at)
            if done is None:
                return number
            number = done
        raise RuntimeError(f"{entity.collection} {number}: a plan does not come to its end")


def is_gone(rows: Sequence[EntityRow]) -> bool:
    """Whether somebody has deleted the row that a fact is about: then it stays deleted."""
    return bool(rows) and all(row.deleted for row in rows)


def standing(rows: Sequence[Any]) -> Any:
    """The one row that is not deleted, with its entity's columns; None: there is none."""
    return next((row for row in rows if not row.deleted), None)


@contextmanager
def fates() -> Iterator[None]:
    """What fails in a command, as the record's fate."""
    try:
        yield
    except (DatabaseAway, NotMigrated, KafkaAway, NotPublished, ReadModelBehind, OtherVersion) as error:
        raise Wait(f"nothing can be decided now: {type(error).__name__}: {error}", WAIT) from error
    except (NotPossible, FactRefused) as error:
        raise Retry(f"the catalog refuses it: {error}", error_class=ErrorClass.POLICY) from error
