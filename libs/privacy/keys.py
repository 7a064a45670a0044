"""The keys in PostgreSQL, one for each subject: made at first use, destroyed for good.

Who makes keys and ties holds a lock in shared mode, who destroys holds it alone, and a key is given out only after a
look, behind the commit, at who was erased: a tie that is made while its person is erased is overlooked by neither.
"""

from collections.abc import Collection, Iterable, Sequence

from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database
from libs.privacy.token import PersonKey, new_key, new_key_id
from libs.secrets.vault import Vault, place_of

Tie = tuple[str, str]
"""A subject, and whose it is: `("mercadolibre:order/9", "mercadolibre:123")`."""

_LOCK = "privacy"

_KNOWN = """
SELECT key_id, key FROM privacy.keys WHERE subject = $1 AND NOT EXISTS (
    SELECT FROM unnest($2::text[], $3::text[]) AS told (subject, belongs_to)
    WHERE NOT EXISTS (SELECT FROM privacy.ties WHERE (subject, belongs_to) = (told.subject, told.belongs_to))
)
"""

_ERASED_BEHIND = """
WITH RECURSIVE behind(beginning, subject) AS (
    SELECT one, one FROM unnest($1::text[]) AS one
    UNION SELECT beginning, belongs_to FROM privacy.ties JOIN behind USING (subject)
)
SELECT DISTINCT subject FROM behind JOIN privacy.keys USING (subject)
WHERE destroyed_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM privacy.keys AS own WHERE own.subject = behind.beginning AND own.destroyed_at IS NOT NULL
)
"""  # who was erased, of those to whom a subject belongs that still has its key

_BELONGING = """
WITH RECURSIVE belonging(subject) AS (
    SELECT unnest($1::text[]) UNION
    SELECT ties.subject FROM privacy.ties JOIN belonging ON ties.belongs_to = belonging.subject
)
SELECT subject FROM belonging
"""


class Keys:
    """The keys of one database; `vault` seals them there."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def key(self, subject: str, ties: Collection[Tie] = ()) -> PersonKey:
        """The subject's key, made if it has none; a destroyed one stays destroyed. Raises DatabaseAway, SecretsError.

        `ties` are remembered first. What turns out to belong to somebody who was erased is erased, too.
        """
        told = sorted(set(ties))
        subjects = [subject, *(one for one, _ in told)]
        while True:
            async with self._database.connection() as connection:
                row = await connection.fetchrow(_KNOWN, subject, subjects[1:], [whose for _, whose in told])
                erased = [one["subject"] for one in await connection.fetch(_ERASED_BEHIND, subjects)]
            if row is None:
                await self._remember(subject, told)
            elif erased:
                async with self._database.transaction() as connection:
                    await destroy(connection, erased)
            else:
                return self._opened(row["key_id"], row["key"])

    async def _remember(self, subject: str, ties: Sequence[Tie]) -> None:
        key_id = new_key_id()
        sealed = self._vault.seal(new_key(), _place(key_id))
        async with self._database.transaction() as connection:
            await lock_in_transaction(connection, _LOCK, shared=True)
            await connection.executemany(
                "INSERT INTO privacy.ties (subject, belongs_to) VALUES ($1, $2) ON CONFLICT DO NOTHING", ties
            )
            await connection.execute(
                "INSERT INTO privacy.keys (key_id, subject, key) VALUES ($1, $2, $3) ON CONFLICT (subject) DO NOTHING",
                key_id,
                subject,
                sealed,
            )

    async def by_id(self, ids: Iterable[str]) -> dict[str, PersonKey]:
        """The keys with these ids, destroyed ones as such; unknown ids are left out. Raises SecretsError."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT key_id, key FROM privacy.keys WHERE key_id = ANY ($1::text[])", list(ids)
            )
        return {row["key_id"]: self._opened(row["key_id"], row["key"]) for row in rows}

    def _opened(self, key_id: str, sealed: bytes | None) -> PersonKey:
        return PersonKey(key_id, None if sealed is None else self._vault.open(sealed, _place(key_id)))


async def lock_alone(connection: Connection) -> None:
    """Until the end of the transaction nobody makes or destroys keys. May be called again in it."""
    await lock_in_transaction(connection, _LOCK)


async def belonging(connection: Connection, subjects: Collection[str]) -> list[str]:
    """These subjects, and all that belong to them."""
    return [row["subject"] for row in await connection.fetch(_BELONGING, list(subjects))]


async def destroy(connection: Connection, subjects: Collection[str]) -> int:
    """Destroy the keys of these subjects and of all that belong to them; the number of keys that were there.

    To be called in a transaction. A subject without a key is marked, so that it never gets one.
    """
    await lock_alone(connection)
    everything = await belonging(connection, subjects)
    destroyed = await connection.fetchval(
        """
        WITH gone AS (
            UPDATE privacy.keys SET key = NULL, destroyed_at = now()
            WHERE subject = ANY ($1::text[]) AND key IS NOT NULL RETURNING 1
        )
        SELECT count(*) FROM gone
        """,
        everything,
    )
    await connection.executemany(
        "INSERT INTO privacy.keys (key_id, subject, destroyed_at) VALUES ($1, $2, now()) "
        "ON CONFLICT (subject) DO NOTHING",
        [(new_key_id(), subject) for subject in everything],
    )
    return int(destroyed)


def _place(key_id: str) -> str:
    return place_of("privacy.keys", "key", key_id)
