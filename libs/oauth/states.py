"""Who was sent to authorise (`oauth.states`): a state is good once, and for a while."""

from datetime import timedelta

from libs.db.pool import Database
from libs.oauth.pkce import Proof
from libs.secrets.vault import Vault, place_of

KEPT = timedelta(days=7)
"""How long what was used or has expired can still be looked at."""

_PUT = """
INSERT INTO oauth.states (client, state, code_verifier, expires_at) VALUES ($1, $2, $3, now() + $4::interval)
"""
_FORGET = "DELETE FROM oauth.states WHERE expires_at < now() - $1::interval"
_TAKE = """
UPDATE oauth.states SET used_at = now()
WHERE client = $1 AND state = $2 AND used_at IS NULL AND expires_at > now()
RETURNING code_verifier
"""


class PostgresStates:
    """The states of one client. Raises DatabaseAway."""

    def __init__(self, database: Database, client: str, vault: Vault, life: timedelta) -> None:
        self._database = database
        self._client = client
        self._vault = vault
        self._life = life

    async def put(self, proof: Proof) -> None:
        """Keep a proof until it comes back, or its time is over."""
        sealed = self._vault.seal(proof.verifier, self._place(proof.state))
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET, KEPT)
            await connection.execute(_PUT, self._client, proof.state, sealed, self._life)

    async def take(self, state: str) -> Proof | None:
        """The proof with this state, used by that; None if there is none, it was used, or its time is over."""
        async with self._database.connection() as connection:
            sealed = await connection.fetchval(_TAKE, self._client, state)
        return None if sealed is None else Proof(state, self._vault.open(sealed, self._place(state)))

    def _place(self, state: str) -> str:
        return place_of("oauth.states", "code_verifier", self._client, state)
