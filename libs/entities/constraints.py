"""What must hold between rows: unique values, references to rows that exist, and no reference to one that is gone.

Exact, because the read models that are asked are locked as a whole where an answer "there is none" counts
(`Command.whole`), and hold everything that is in the log.
"""

from collections.abc import Mapping
from typing import Any

from libs.commands.command import Command
from libs.commands.unified import NotPossible
from libs.read_models.entities import EntityRow, columns, read_model
from schemas.entities import referring_to
from schemas.entity import Entity, EntityFact


class Constraints:
    """The constraints of one request's rows; `pending` are the rows that it has decided already, by number."""

    def __init__(self, command: Command, entity: Entity) -> None:
        self._command = command
        self._entity = entity
        self.pending: dict[int, EntityFact] = {}

    async def find(self, fields: tuple[str, ...], values: Mapping[str, Any]) -> int | None:
        """The number of the row with these values, pending ones included. Its read model is locked as a whole."""
        for number, fact in self.pending.items():
            if not fact.deleted and all(getattr(fact, name) == values[name] for name in fields):
                return number
        known = columns(self._entity)
        conditions = "".join(
            f" AND {known[name].indexed()} = {_argument(known[name].indexed(), name, place)} AND {name} = ${place}"
            for place, name in enumerate(fields, 1)
        )
        table = await self._command.whole(read_model(self._entity))
        found = await self._command.connection.fetch(
            f"SELECT {self._entity.id_field} AS number FROM {table} WHERE NOT deleted{conditions}",  # noqa: S608  (declared names)
            *(values[name] for name in fields),
        )
        return next((row["number"] for row in found if row["number"] not in self.pending), None)

    async def require_unique(self, number: int, fact: EntityFact, names: set[str]) -> None:
        """Raise NotPossible if another row has the values of a unique set; only sets with one of these names count."""
        told = self._entity.told
        for fields in self._entity.unique:
            if not names.intersection(fields):
                continue
            other = await self.find(fields, {name: getattr(fact, name) for name in fields})
            if other is not None and other != number:
                values = ", ".join(f"{told(name)} {_told(getattr(fact, name))}" for name in fields)
                raise NotPossible(
                    f"Constraint violation: {values} is taken: {told(self._entity.id_field)} {other} has it"
                )

    def require_referenced(
        self, fact: EntityFact, names: set[str], rows: Mapping[str, Mapping[str, EntityRow]]
    ) -> None:
        """Raise NotPossible if a reference leads nowhere; only references with one of these names count, and no nulls.

        `rows`: the locked rows of the entities that are referred to, by collection and key.
        """
        for reference in self._entity.references:
            if not names.intersection({reference.field, reference.by}):
                continue
            value = getattr(fact, reference.field)
            if value is None:
                continue
            by = getattr(fact, reference.by) if reference.by is not None else None
            collection = reference.collection(by)
            row = rows.get(collection, {}).get(str(value))
            if row is None or row.deleted:
                field = self._entity.told(reference.field)
                raise NotPossible(f"Foreign key violation: {field} {value} does not exist in {collection}")

    async def require_unreferenced(self, number: int) -> None:
        """Raise NotPossible if another entity's row refers to this one. Their read models are locked as a whole."""
        for other in referring_to(self._entity):
            table = await self._command.whole(read_model(other))
            for reference in other.references:
                if self._entity.collection not in reference.collections:
                    continue
                query = f"SELECT {other.id_field} FROM {table} WHERE NOT deleted AND {reference.field} = $1"  # noqa: S608  (declared names)
                arguments: list[Any] = [number]
                if reference.by is not None and not isinstance(reference.to, str):
                    query += f" AND {reference.by} = $2"
                    arguments.append(next(by for by, to in reference.to.items() if to == self._entity.collection))
                found = await self._command.connection.fetchval(f"{query} LIMIT 1", *arguments)
                if found is not None:
                    raise NotPossible(
                        f"Foreign key violation: {self._entity.told(self._entity.id_field)} {number} is in use: "
                        f"{other.told(reference.field)} of {other.told(other.id_field)} {found} in {other.collection}"
                    )


def referred_to(entity: Entity, given: Mapping[str, Any]) -> dict[str, set[str]]:
    """The rows that given references lead to: keys by collection. Raises NotPossible."""
    wanted: dict[str, set[str]] = {}
    for reference in entity.references:
        pair = [name for name in (reference.field, reference.by) if name is not None]
        present = [name for name in pair if name in given]
        if present and len(present) < len(pair):
            raise NotPossible(f"{' and '.join(map(entity.told, pair))} can only be changed together")
        if present and given[reference.field] is not None:
            by = given[reference.by] if reference.by is not None else None
            wanted.setdefault(reference.collection(by), set()).add(str(given[reference.field]))
    return wanted


def _argument(indexed: str, name: str, place: int) -> str:
    return f"${place}" if indexed == name else f"md5(${place})"


def _told(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
