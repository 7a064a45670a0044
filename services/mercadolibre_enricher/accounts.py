"""The accounts at MercadoLibre: one client each, their tokens in PostgreSQL, one connection to the API for all."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from libs.http.client import ApiClient
from libs.http.limits import LocalRateLimiter
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.oauth import refresh_grant, token_client
from libs.oauth.store import PostgresTokenStore, open_token_database
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.quota.limiter import SharedRateLimiter
from services.mercadolibre_enricher.config import Account, Config

CLIENT = "mercadolibre"


@dataclass(frozen=True)
class Accounts:
    """`clients` by our name of the account; `api` is what they share."""

    clients: Mapping[str, MercadoLibre]
    api: ApiClient
    stores: tuple[PostgresTokenStore, ...]

    async def check(self) -> None:
        """Raise unless the tokens can be read: for readiness."""
        for store in self.stores:
            await store.check()


async def open_accounts(config: Config, service: str, stack: AsyncExitStack) -> Accounts:
    """Open the configured accounts; `stack` closes them."""
    database = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {service}"))
    patience = config.api.longest_pause_seconds
    local = LocalRateLimiter(per_second=config.requests_per_second, max_wait=patience)
    limiter = SharedRateLimiter(database, config.limits.rules(), local=local, max_wait=patience)
    api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
    stores = {
        client_id: PostgresTokenStore(database, token_client(client_id), config.secrets.vault)
        for client_id in {account.client_id for account in config.accounts}
    }
    clients = {
        account.account: await _open(account, api, stores[account.client_id], stack) for account in config.accounts
    }
    return Accounts(clients, api, tuple(stores.values()))


async def _open(account: Account, api: ApiClient, store: PostgresTokenStore, stack: AsyncExitStack) -> MercadoLibre:
    if account.refresh_token is not None:
        first = TokenPair(account.access_token.get_secret_value(), account.refresh_token.get_secret_value())
        await store.seed(account.user_id, first, formerly=(CLIENT, account.account))
    grant = refresh_grant(api, account.client_id, account.client_secret)
    tokens = RotatingTokens(CLIENT, account.user_id, store, grant)
    stack.push_async_callback(tokens.close)
    return MercadoLibre(api, tokens, account.user_id)
