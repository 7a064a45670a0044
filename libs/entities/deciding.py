"""A request decided: its operations in their order, all or none, on locked rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.commands.command import Command
from libs.commands.unified import NotPossible
from libs.entities.change import CREATE, DELETE, UPDATE, Asked
from libs.entities.constraints import Constraints, referred_to
from libs.entities.rules import changed, created, deleted
from libs.read_models.entities import EntityRow, read_model
from schemas.entities import BY_COLLECTION, referring_to
from schemas.entity import Entity


@dataclass
class _Step:
    """An operation with its row's number, as soon as that is known."""

    place: str
    action: str
    number: int | None
    given: dict[str, Any]


async def decide(
    command: Command, entity: Entity, operations: Sequence[Asked], sequence: str, now: datetime
) -> list[str]:
    """Record what the operations ask for; the answers' values. Raises NotPossible, with the place."""
    steps = [
        _Step(f"{entity.collection}[{place}]", one.action, None if one.action == CREATE else one.number, one.given())
        for place, one in enumerate(operations)
    ]
    ids = iter(await command.new_ids(sequence, sum(step.action == CREATE for step in steps)))
    for step in steps:
        if step.action == CREATE:
            step.number = next(ids)
    batch = _Batch(command, entity, sequence, now)
    await batch.lock(steps)
    values = []
    for step in steps:
        with _place_of(step):
            values.append(await batch.carry_out(step))
    return values


class _Batch:
    def __init__(self, command: Command, entity: Entity, sequence: str, now: datetime) -> None:
        self._command = command
        self._entity = entity
        self._model = read_model(entity)
        self._sequence = sequence
        self._now = now
        self._constraints = Constraints(command, entity)
        self._referred: dict[str, dict[str, EntityRow]] = {}

    async def lock(self, steps: Sequence[_Step]) -> None:
        """Lock all that the steps will look at, read models in the order of their names."""
        whole: set[str] = set()
        keys: dict[str, set[str]] = defaultdict(set)
        unique = {name for fields in self._entity.unique for name in fields}
        for step in steps:
            if step.number is None or (step.action != DELETE and unique & step.given.keys()):
                whole.add(self._entity.collection)
            if step.number is not None:
                keys[self._entity.collection].add(str(step.number))
            if step.action == DELETE:
                whole |= {other.collection for other in referring_to(self._entity)}
            else:
                with _place_of(step):
                    references = referred_to(self._entity, step.given)
                for collection, wanted in references.items():
                    keys[collection] |= wanted
        models = {name: read_model(BY_COLLECTION[name]) for name in whole | keys.keys()}
        for name, model in sorted(models.items(), key=lambda item: item[1].name):
            if name in whole:
                await self._command.whole(model)
            if name in keys:
                self._referred[name] = await self._command.rows(model, keys[name])

    async def carry_out(self, step: _Step) -> str:
        """Record one step's fact; the value that its answer has."""
        number = step.number if step.number is not None else await self._found(step)
        if number in self._constraints.pending:
            raise NotPossible(f"{self._named(number)} stands twice in one request")
        if step.action == CREATE:
            fact = created(self._entity, number, step.given, self._now)
        elif step.action == UPDATE:
            fact = changed(self._entity, await self._row(number), step.given, self._now)
        else:
            fact = deleted(self._entity, await self._row(number), self._now)
            await self._constraints.require_unreferenced(number)
        if step.action != DELETE:
            names = set(self._entity.fields) if step.action == CREATE else set(step.given)
            self._constraints.require_referenced(fact, names, self._referred)
            await self._constraints.require_unique(number, fact, names)
        self._constraints.pending[number] = fact
        self._command.record(self._model, fact, new_in=self._sequence if step.action == CREATE else None)
        return "" if step.action == DELETE else str(number)

    async def _found(self, step: _Step) -> int:
        """The number of the row that the first unique set names."""
        fields = self._entity.unique[0] if self._entity.unique else ()
        told = self._entity.told(self._entity.id_field)
        if not fields or not step.given.keys() >= set(fields):
            others = f", or {', '.join(map(self._entity.told, fields))}," if fields else ""
            raise NotPossible(f"{told}{others} is required: which row is meant?")
        number = await self._constraints.find(fields, step.given)
        if number is None:
            values = ", ".join(f"{self._entity.told(name)} {step.given[name]}" for name in fields)
            raise NotPossible(f"there is no row with {values}")
        return number

    async def _row(self, number: int) -> EntityRow:
        row: EntityRow | None = await self._command.row(self._model, str(number))
        if row is None or row.deleted:
            raise NotPossible(f"there is no {self._named(number)}")
        return row

    def _named(self, number: int) -> str:
        return f"{self._entity.told(self._entity.id_field)} {number}"


@contextmanager
def _place_of(step: _Step) -> Iterator[None]:
    """Tell with what is not possible where in the request it stands."""
    try:
        yield
    except NotPossible as error:
        raise NotPossible(f"{step.place}: {error}") from error
