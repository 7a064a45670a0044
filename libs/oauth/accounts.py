"""The tokens of all accounts that authorised one application, whoever authorised them and whenever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import Grant, NoTokens, RotatingTokens, TokenPair


class AuthorizedAccounts:
    """`name` is the API's, for metrics and logs. One provider per account is kept, so that refreshes are shared."""

    def __init__(self, name: str, store: PostgresTokenStore, grant: Grant) -> None:
        self._name = name
        self._store = store
        self._grant = grant
        self._providers: dict[str, RotatingTokens] = {}

    async def provider(self, account: str | None = None) -> RotatingTokens:
        """The tokens of an account, or of the one that was authorised last. Raises NoTokens if nobody has."""
        chosen = account or await self._store.latest()
        if chosen is None:
            raise NoTokens("token refresh", "no account has authorised us. Run the OAuth flow first")
        return self._of(chosen)

    async def get_valid_access_token(self, account: str | None = None) -> str:
        """An access token that is not about to end; refreshed first if need be, once for all who ask at that time.

        Raises NoTokens, Unauthorized when the refresh is refused, or TokensAway.
        """
        tokens = await self.provider(account)
        try:
            return await tokens.token()
        except NoTokens:
            self._providers.pop(
                tokens.account, None
            )  # whoever asks for accounts that do not exist must not fill memory
            raise

    async def authorize(self, account: str, pair: TokenPair) -> None:
        """Store what a person's agreement gave, and use it from now on."""
        await self._store.authorize(account, pair)
        if (known := self._providers.pop(account, None)) is not None:
            await known.close()

    async def close(self) -> None:
        """Let running refreshes finish."""
        for tokens in self._providers.values():
            await tokens.close()

    def _of(self, account: str) -> RotatingTokens:
        if account not in self._providers:
            self._providers[account] = RotatingTokens(self._name, account, self._store, self._grant)
        return self._providers[account]


@asynccontextmanager
async def authorized_accounts(name: str, store: PostgresTokenStore, grant: Grant) -> AsyncIterator[AuthorizedAccounts]:
    """Accounts whose running refreshes are awaited at the end."""
    accounts = AuthorizedAccounts(name, store, grant)
    try:
        yield accounts
    finally:
        await accounts.close()
