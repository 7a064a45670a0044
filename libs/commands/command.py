"""What a command's work is done with: rows under lock, new numbers, facts to be published, and the transaction."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from libs.commands.errors import IdTaken
from libs.commands.locked import Locked
from libs.db.pool import Connection
from libs.projection.model import AnyReadModel, F, R, ReadModel
from schemas.event import Fact

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact that the work decided, and the read model whose live row it becomes at once."""

    model: AnyReadModel
    fact: Fact
    key: str


class Command:
    """One attempt of a command. The work may be called again: outside of this transaction it must change nothing."""

    def __init__(self, connection: Connection, locked: Locked, ids: Collection[int] = ()) -> None:
        self.connection = connection
        self.recorded: dict[tuple[str, str], Recorded] = {}
        self.effects: list[Effect] = []
        self.ids: list[int] = []
        self.locked = locked
        self._given = list(ids)  # drawn by an earlier attempt at the same request

    async def rows(self, model: ReadModel[R, F], keys: Collection[str]) -> dict[str, R]:
        """The live rows of these keys, as far as there are any, locked until the end of the command.

        All keys of a read model in one call, and read models in the order of their names: two commands could otherwise
        wait for one another (PostgreSQL then ends one of them, which raises DatabaseAway).
        """
        return await self.locked.rows(model, keys)

    async def row(self, model: ReadModel[R, F], key: str) -> R | None:
        return (await self.rows(model, [key])).get(key)

    async def whole(self, model: AnyReadModel) -> str:
        """Lock a whole read model until the end of the command, for what must hold among all its rows.

        Returns the qualified name of its live table, which then holds everything that is in the log. The order of the
        read models' names holds here, too; whoever needs rows of the same one calls this first.
        """
        return await self.locked.whole(model)

    async def new_ids(self, sequence: str, count: int) -> list[int]:
        """Numbers that no entity has: draw them, then lock their keys with `rows`, then record with `new_in`."""
        again, self._given = self._given[:count], self._given[count:]
        drawn = await self.connection.fetch(
            "SELECT nextval($1::text::regclass) AS id FROM generate_series(1, $2::int)",
            f"commands.{sequence}",
            count - len(again),
        )
        ids = [*again, *(row["id"] for row in drawn)]
        self.ids += ids
        return ids

    def record(self, model: ReadModel[R, F], fact: F, *, new_in: str | None = None) -> None:
        """Let a fact be published and applied to the live table; its key's row must be locked.

        `new_in`: the sequence from which the entity's number was just drawn. Of several facts of one key only the last
        is published. The fact's `basis` is set.
        """
        key = fact.key()
        if not self.locked.holds(model, key):
            raise RuntimeError(f"{model.name} {key} is not locked: ask for its row first")
        if new_in is not None and self.locked.row(model, key) is not None:
            raise IdTaken(new_in)
        decided = fact.model_copy(update={"basis": self.locked.end(model, self.locked.partition(model, key))})
        self.recorded[model.name, key] = Recorded(model, decided, key)

    def then(self, effect: "Effect") -> None:
        """Change other tables in the transaction that writes the rows, whichever attempt that is."""
        self.effects.append(effect)


Work: TypeAlias = Callable[[Command], Awaitable[T]]
"""Decides: reads rows, records facts, returns the answer."""

Effect: TypeAlias = Callable[[Connection], Awaitable[None]]

Json: TypeAlias = Any
"""An answer that is kept for an Idempotency-Key: what JSON can hold."""
