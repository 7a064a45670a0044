"""Secrets of the whole system under their keys, such as `stockx_client_secret`: sealed in `core.secrets`.

    config = SystemConfig(database, vault)
    secret = await config.secret("stockx_client_secret", told=settings.client_secret)

The documented table `core.system_config` is a view that shows them as ciphertext, with the tokens of StockX's accounts.
"""

import re

from libs.db.pool import Database
from libs.secrets.keys import SecretsError
from libs.secrets.vault import Vault, place_of

TABLE = "core.secrets"
_KEY = re.compile(r"[a-z][a-z0-9_./-]{0,99}")

_GET = "SELECT encrypted_value FROM core.secrets WHERE key = $1"
_PUT = """
INSERT INTO core.secrets (key, encrypted_value) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET encrypted_value = excluded.encrypted_value, updated_at = now()
"""
_DELETE = "DELETE FROM core.secrets WHERE key = $1"
_KEYS = "SELECT key FROM core.secrets ORDER BY key"


class SystemConfig:
    """Reads and writes secrets. Raises DatabaseAway, and SecretsError where a stored one does not open."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def get(self, key: str) -> str | None:
        """The secret, None if there is none under this key."""
        async with self._database.connection() as connection:
            sealed = await connection.fetchval(_GET, checked(key))
        return None if sealed is None else self._vault.open(sealed, _place(key))

    async def put(self, key: str, secret: str) -> None:
        """Keep a secret in place of what stood there."""
        sealed = self._vault.seal(secret, _place(checked(key)))
        async with self._database.connection() as connection:
            await connection.execute(_PUT, key, sealed)

    async def forget(self, key: str) -> bool:
        """Delete a secret; tells whether there was one."""
        async with self._database.connection() as connection:
            return str(await connection.execute(_DELETE, checked(key))) != "DELETE 0"

    async def keys(self) -> list[str]:
        """The keys under which secrets stand."""
        async with self._database.connection() as connection:
            return [row["key"] for row in await connection.fetch(_KEYS)]

    async def secret(self, key: str, told: str | None) -> str | None:
        """The secret that the settings tell, which is kept from then on; without one, the kept one."""
        kept = await self.get(key)
        if not told:
            return kept
        if told != kept:
            await self.put(key, told)
        return told


def checked(key: str) -> str:
    """The key, if it is one; raises SecretsError."""
    if not _KEY.fullmatch(key):
        raise SecretsError(f"{key[:40]!r} is no key: lower-case letters, digits, and _ . / -, such as stockx_api_key")
    return key


def _place(key: str) -> str:
    return place_of(TABLE, "encrypted_value", key)
