"""The configured accounts as sales channels: clients, tokens kept in PostgreSQL, one connection to each API.

    async with AsyncExitStack() as stack:
        channels = await open_channels(settings, database_url, vault, "publisher", stack)
        await channels.of("ebay", "US").take_off(item_id, sku)

Tokens are filed under the names that the other services use, so that all of them share a refresh token that rotates.
"""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

from libs.channels.settings import (
    Account,
    AmazonAccount,
    EbayAccount,
    MercadoLibreAccount,
    SellingSettings,
    StockXAccount,
)
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.http.jwt import issue
from libs.marketplaces.amazon import oauth as amazon_oauth
from libs.marketplaces.amazon.client import Amazon
from libs.marketplaces.amazon.selling import AmazonChannel
from libs.marketplaces.ebay import oauth as ebay_oauth
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.selling import MARKETPLACES as EBAY_MARKETPLACES
from libs.marketplaces.ebay.selling import EbayChannel
from libs.marketplaces.mercadolibre import oauth as mercadolibre_oauth
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.selling import MercadoLibreChannel
from libs.marketplaces.stockx.selling import StockXChannel
from libs.oauth.store import PostgresTokenStore, open_token_database
from libs.oauth.tokens import Grant, RotatingTokens, TokenPair
from libs.secrets.vault import Vault
from libs.selling.channel import SalesChannel

_TOKEN_LIFE = timedelta(minutes=5)


class NoChannel(LookupError):
    """No configured account sells there."""


class Channels:
    """The channels by marketplace and country."""

    def __init__(self, channels: Mapping[tuple[str, str], SalesChannel]) -> None:
        self._channels = dict(channels)

    def of(self, channel: str, market: str) -> SalesChannel:
        """The channel of a listing or a draft; raises NoChannel."""
        found = self._channels.get((str(channel), market))
        if found is None:
            raise NoChannel(f"no account sells on {channel} in {market}: add one to SELLING_ACCOUNTS")
        return found

    def __iter__(self) -> Iterator[SalesChannel]:
        return iter(self._channels.values())


async def open_channels(
    settings: SellingSettings, database_url: str, vault: Vault, service: str, stack: AsyncExitStack
) -> Channels:
    """Open the configured accounts; `stack` closes them. Raises ValueError for a market that a marketplace lacks."""
    tokens = await stack.enter_async_context(open_token_database(database_url, f"selling tokens of {service}"))
    opening = _Opening(settings, tokens, vault, stack)
    return Channels({(each.channel, each.market): await opening.channel(each) for each in settings.accounts})


async def open_amazon(
    settings: SellingSettings, database_url: str, vault: Vault, service: str, stack: AsyncExitStack
) -> list[tuple[AmazonAccount, Amazon]]:
    """The configured accounts at Amazon with the client of each; `stack` closes them."""
    tokens = await stack.enter_async_context(open_token_database(database_url, f"selling tokens of {service}"))
    opening = _Opening(settings, tokens, vault, stack)
    accounts = [each for each in settings.accounts if isinstance(each, AmazonAccount)]
    return [(each, await opening.amazon(each)) for each in accounts]


class _Opening:
    def __init__(self, settings: SellingSettings, tokens: Database, vault: Vault, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._tokens = tokens
        self._vault = vault
        self._stack = stack
        self._apis: dict[str, ApiClient] = {}

    async def channel(self, account: Account) -> SalesChannel:
        match account:
            case AmazonAccount():
                amazon = await self.amazon(account)
                return AmazonChannel(amazon, account.market, account.defaults, settle=account.settle_seconds)
            case EbayAccount():
                return await self._ebay(account)
            case MercadoLibreAccount():
                return await self._mercadolibre(account)
            case StockXAccount():
                return await self._stockx(account)

    async def amazon(self, account: AmazonAccount) -> Amazon:
        """The client of a seller."""
        api = await self._api("amazon", self._settings.amazon)
        login = await self._api("amazon_login", self._settings.amazon_login)
        application = amazon_oauth.AmazonApplication(client_id=account.client_id, client_secret=account.client_secret)
        grant = amazon_oauth.refresh_grant(login, application)
        client = amazon_oauth.token_client(application)
        tokens = await self._rotating("amazon", client, account.account, account, grant)
        return Amazon(api, tokens, account.seller_id)

    async def _ebay(self, account: EbayAccount) -> SalesChannel:
        api = await self._api("ebay", self._settings.ebay)
        application = ebay_oauth.EbayApplication(client_id=account.client_id, client_secret=account.client_secret)
        grant = ebay_oauth.refresh_grant(api, application)
        tokens = await self._rotating(
            "ebay", ebay_oauth.token_client(account.client_id), account.account, account, grant
        )
        marketplace_id = EBAY_MARKETPLACES.get(account.market, ("",))[0]
        return EbayChannel(Ebay(api, tokens, marketplace_id), account.market, account.defaults)

    async def _mercadolibre(self, account: MercadoLibreAccount) -> SalesChannel:
        api = await self._api("mercadolibre", self._settings.mercadolibre)
        grant = mercadolibre_oauth.refresh_grant(api, account.client_id, account.client_secret)
        client = mercadolibre_oauth.token_client(account.client_id)
        tokens = await self._rotating("mercadolibre", client, account.user_id, account, grant)
        return MercadoLibreChannel(MercadoLibre(api, tokens, account.user_id), account.market, account.defaults)

    async def _stockx(self, account: StockXAccount) -> SalesChannel:
        api = await self._api("stockx_commands", self._settings.stockx_commands)
        key = self._settings.stockx_jwt_key
        if key is None:
            raise ValueError("SELLING_STOCKX_JWT_KEY is missing")
        secret, user = key.get_secret_value(), account.user_id
        return StockXChannel(api, lambda: issue(secret, user, _TOKEN_LIFE), account.account, account.market)

    async def _api(self, name: str, settings: ApiSettings) -> ApiClient:
        if name not in self._apis:
            self._apis[name] = await self._stack.enter_async_context(ApiClient(name, settings))
        return self._apis[name]

    async def _rotating(
        self,
        name: str,
        client: str,
        holder: str,
        account: AmazonAccount | EbayAccount | MercadoLibreAccount,
        grant: Grant,
    ) -> RotatingTokens:
        store = PostgresTokenStore(self._tokens, client, self._vault)
        if account.refresh_token is not None:
            await store.seed(holder, TokenPair("", account.refresh_token.get_secret_value()))
        tokens = RotatingTokens(name, holder, store, grant)
        self._stack.push_async_callback(tokens.close)
        return tokens
