"""The sequences that entities' numbers are drawn from: one each in the schema `commands`, made when first needed."""

from libs.db.locks import lock_in_transaction
from libs.db.pool import Database
from schemas.entity import Entity


class Sequences:
    """Sequences by entity. A lost one (another database) begins again, and moves on past the numbers that are taken."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()

    async def of(self, entity: Entity) -> str:
        """The name of an entity's sequence, which then exists. Raises DatabaseAway, NotMigrated."""
        name = entity.topic
        if name not in self._known:
            async with self._database.transaction() as connection:
                await lock_in_transaction(connection, "sequences of entities")  # IF NOT EXISTS alone is a race
                await connection.execute(f"CREATE SEQUENCE IF NOT EXISTS commands.{name}")
            self._known.add(name)
        return name
