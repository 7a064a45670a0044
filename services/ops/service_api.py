"""Asking one of our services for a command: where it is, a user's token, and what to say when it does not answer."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, TypeVar

import aiohttp
import typer

from libs.http.jwt import MIN_KEY_BYTES, issue
from libs.stack import StackError
from services.ops.processes import SANDBOX, ServiceSpec
from services.ops.sandbox_wiring import read_accounts, services_environment, wants_sandbox
from services.ops.terminal import harmless

T = TypeVar("T")


@dataclass(frozen=True)
class ServiceApi:
    """A service that users ask with a token. `<NAME>_URL` and `<NAME>_JWT_KEY` say where it is, and its key."""

    spec: ServiceSpec

    def url(self, path: str) -> str:
        """The address of a path. Raises StackError for a port that is none."""
        base = os.environ.get(f"{self.spec.name.upper()}_URL") or f"http://127.0.0.1:{self.spec.port_in(os.environ)}"
        return f"{base.rstrip('/')}{path}"

    async def token(self, user: str, life: timedelta) -> str:
        """A token for a user; with the sandbox's key where none is set. Raises StackError."""
        name = f"{self.spec.name.upper()}_JWT_KEY"
        key = os.environ.get(name) or await self._sandbox_key(name)
        if len(key.encode()) < MIN_KEY_BYTES:
            raise StackError(f"{name} is too short: it needs {MIN_KEY_BYTES} bytes, and must be the service's own.")
        return issue(key, user, life)

    async def headers(self, user: str, life: timedelta) -> dict[str, str]:
        """What a request of a user carries. Raises StackError."""
        return {"Authorization": f"Bearer {await self.token(user, life)}"}

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it; what goes wrong is said, and ends the command."""

        async def done() -> T:
            return await work()

        try:
            return asyncio.run(done())
        except StackError as error:
            fail(str(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            told = f"{type(error).__name__}: {error}"
            fail(f"{self.spec.name} does not answer ({told}). `sellstream status` tells what runs.")

    async def _sandbox_key(self, name: str) -> str:
        if not wants_sandbox(os.environ):
            raise StackError(f"Set {name} to the key of the service {self.spec.name}.")
        sandbox = f"http://127.0.0.1:{SANDBOX.port_in(os.environ)}"
        return services_environment(await read_accounts(sandbox), "", sandbox)[name]


def fail(text: str) -> NoReturn:
    """Say why on standard error, and end the command with status 1."""
    print(harmless(text, lines=True), file=sys.stderr)
    raise typer.Exit(1)
