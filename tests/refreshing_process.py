"""A process that refreshes a token and is killed at a chosen moment.

`python -m tests.refreshing_process DATABASE_URL BASE_URL MOMENT`, where the moment is `noted` (the note is stored, the
token not yet sent) or `granted` (the answer is here, not yet stored).
"""

import asyncio
import os
import signal
import sys

from pydantic import SecretStr

from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.mercadolibre.oauth import refresh_grant
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.secrets.settings import secrets_settings

CLIENT, ACCOUNT = "mercadolibre/6456467593800000", "34308"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, base_url: str, moment: str) -> None:
    async with (
        Database(url, application="dies") as database,
        ApiClient("mercadolibre", ApiSettings(base_url=base_url)) as api,
    ):
        real = refresh_grant(api, "6456467593800000", SecretStr("client-secret"))

        async def grant(refresh: str) -> TokenPair:
            if moment == "noted":
                die()
            pair = await real(refresh)
            die()
            return pair

        store = PostgresTokenStore(database, CLIENT, secrets_settings().vault)
        await RotatingTokens("mercadolibre", ACCOUNT, store, grant).token()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
