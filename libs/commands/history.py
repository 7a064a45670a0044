"""Whether facts that an attempt was about to publish are in the log, and valid there."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing

from libs.bus.reader import Partition, read_range
from libs.bus.settings import KafkaSettings
from libs.commands.command import Command
from libs.commands.publishing import CONSUMER, Ready
from libs.commands.requests import Meant
from libs.projection.model import AnyReadModel
from libs.projection.record import Located, locate

_MOST_RECORDS = 5_000


def meant(ready: Sequence[Ready], command: Command) -> tuple[Meant, ...]:
    """What is about to be published."""
    found = []
    for one in ready:
        model, partition, key = one.recorded.model, one.partition, one.recorded.key
        row = command.locked.row(model, key)
        same = row is not None and (row.log_topic, row.log_partition) == partition
        after = row.log_offset if row is not None and same else -1
        basis = command.locked.end(model, partition)
        identity = one.message.envelope.id
        found.append(Meant(model.name, key, identity, partition.topic, partition.number, basis, after))
    return tuple(found)


async def took_effect(
    facts: Sequence[Meant], command: Command, models: Mapping[str, AnyReadModel], kafka: KafkaSettings
) -> bool:
    """Whether all of these facts are in the log and valid; locks their rows, which then hold what came of them."""
    valid = await in_effect(facts, command, models, kafka)
    return all(fact.event_id in valid for fact in facts)


async def in_effect(
    facts: Sequence[Meant], command: Command, models: Mapping[str, AnyReadModel], kafka: KafkaSettings
) -> set[str]:
    """The ids of those of these facts that are in the log and valid; locks their rows.

    A fact is void if its entity has another valid one at or behind its basis: what libs.read_models.commanded.is_later
    says of rows is said here of the log.
    """
    keys: dict[str, set[str]] = {}
    for fact in facts:
        keys.setdefault(fact.model, set()).add(fact.key)
    begin: dict[Partition, int] = {}
    goal: dict[Partition, int] = {}
    for name in sorted(keys):
        await command.rows(models[name], keys[name])
    for fact in facts:
        one = Partition(fact.topic, fact.partition)
        begin[one] = min(fact.basis, begin.get(one, fact.basis))
        goal[one] = command.locked.end(models[fact.model], one)
    wanted = {(fact.topic, fact.key): fact for fact in facts}
    model_of = {fact.topic: models[fact.model] for fact in facts}
    last = {place: fact.after for place, fact in wanted.items()}
    valid: set[str] = set()
    async with aclosing(read_range(kafka, begin, goal, max_records=_MOST_RECORDS)) as chunks:
        async for chunk in chunks:
            for partition, part in chunk.items():
                for record in part.records:
                    place = (partition.topic, (record.key or b"").decode(errors="replace"))
                    if place not in wanted or record.offset < wanted[place].basis:
                        continue
                    found = locate(record, partition.topic, CONSUMER, model_of[partition.topic].quick)
                    if not isinstance(found, Located):
                        continue
                    basis: int | None = getattr(found.fact, "basis", None)
                    if basis is None or basis > last[place]:
                        last[place] = record.offset
                        valid.add(found.position.event_id)
    return valid
