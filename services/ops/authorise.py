"""A seller authorises us, in a browser: the address to agree at, the answer that comes back, the tokens that are kept.

| step | what                                                                                                    |
|------|---------------------------------------------------------------------------------------------------------|
| 1    | a state is made and kept in PostgreSQL (`oauth.states`): good once, for as long as is waited             |
| 2    | the seller's browser is sent to the marketplace, and from there back to us, with a code and the state    |
| 3    | it is heard here, where the application's address is on this machine; else the seller pastes it          |
| 4    | the state is checked and used up, the code exchanged, the tokens stored sealed, for all services         |
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import typer
from yarl import URL

from libs.db.pool import Database
from libs.http.errors import ApiError, Unauthorized
from libs.oauth.pkce import new_proof
from libs.oauth.redirect import Listener, NoAgreement, NotOurs, Redirect, is_loopback, read_redirect
from libs.oauth.states import PostgresStates
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import TokenPair
from libs.secrets.vault import Vault

PATIENCE = timedelta(minutes=15)
"""For a person's agreement; a code itself is good for some minutes only."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A marketplace with our application at it.

    `client`: what its tokens are filed under. `consent` gives the address to agree at for a state. `redirect`: where
    the browser is sent back to.
    """

    marketplace: str
    client: str
    consent: Callable[[str], str]
    redirect: URL
    exchange: Callable[[str], Awaitable[TokenPair]]


class Authorising:
    """An account's way to its tokens. Raises NoAgreement, DatabaseAway, TokensAway."""

    def __init__(self, authority: Authority, account: str, database: Database, vault: Vault) -> None:
        self._authority = authority
        self._account = account
        self._states = PostgresStates(database, authority.client, vault, PATIENCE)
        self._store = PostgresTokenStore(database, authority.client, vault)

    async def address(self) -> str:
        """Where the seller agrees; each time another one."""
        proof = new_proof()
        await self._states.put(proof)
        return self._authority.consent(proof.state)

    async def take(self, redirect: Redirect) -> str:
        """Check the state, exchange the code, keep the tokens; what to tell the person."""
        name = self._authority.marketplace
        if await self._states.take(redirect.state) is None:
            raise NotOurs("its state is not one that was given out here, or it was used, or is too old: begin again")
        try:
            pair = await self._authority.exchange(redirect.code)
        except Unauthorized as error:
            raise NoAgreement(f"{name} refuses the code: {error.detail}. Begin again") from error
        except ApiError as error:
            raise NoAgreement(f"{name} did not exchange the code: {error}. Begin again") from error
        await self._store.authorize(self._account, pair)
        return f"{self._account} is authorised at {name}."

    async def wait(self, *, paste: bool) -> str:
        """Tell the address, and wait for the answer: here, or pasted."""
        redirect, name = self._authority.redirect, self._authority.marketplace
        typer.echo(f"Open this address, and agree as the seller at {name} whose account {self._account} is:\n")
        if paste or not is_loopback(redirect):
            typer.echo(await self.address())
            typer.echo(f"\n{name} then sends the browser to {redirect}: paste the whole address that it shows.")
            pasted = await asyncio.to_thread(typer.prompt, "Address")
            return await self.take(read_redirect(pasted))
        async with Listener(redirect, self.take) as listener:
            typer.echo(await self.address())
            typer.echo(f"\nThe answer is waited for at {redirect}. Where no browser runs on this machine: --paste.")
            return await listener.heard(PATIENCE.total_seconds())
