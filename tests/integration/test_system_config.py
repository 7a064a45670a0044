"""Secrets of the system: sealed in PostgreSQL, never told in plain text, and sealed anew by a rotation."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from libs.db.pool import Database
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import TokenPair
from libs.secrets.keys import SecretsError, new_key, read_keys
from libs.secrets.system_config import SystemConfig
from libs.secrets.tables import rotate, secrets_by_key
from libs.secrets.vault import Vault

SECRET = "a client secret that must not be seen"
OLD, NEW = new_key(), new_key()


def vault(*keys: str) -> Vault:
    return Vault(read_keys(",".join(keys)))


async def everything(database: Database) -> str:
    """All that SELECT tells of the secrets' tables and of the documented one, as text and as bytes."""
    told = []
    async with database.connection() as connection:
        for table in ("core.system_config", "core.secrets", "oauth.tokens"):
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t")
            told += [row["row"] for row in rows]
    return "\n".join(told)


async def test_what_is_kept_is_told_to_who_has_the_key_and_select_never_shows_it(database: Database) -> None:
    config = SystemConfig(database, vault(OLD))
    await config.put("stockx_client_secret", SECRET)
    store = PostgresTokenStore(database, "stockx client", vault(OLD))
    await store.authorize("acme", TokenPair("an access token", "a refresh token"))
    assert await config.get("stockx_client_secret") == SECRET
    assert await config.get("stockx_api_key") is None
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT key, encrypted_value FROM core.system_config WHERE key = 'stockx_client_secret'"
        )
        keys = [one["key"] for one in await connection.fetch("SELECT key FROM core.system_config ORDER BY key")]
    assert row is not None
    assert SECRET.encode() not in row["encrypted_value"]
    assert keys == ["stockx_access_token/acme", "stockx_client_secret", "stockx_refresh_token/acme"]
    told = await everything(database)
    for secret in (SECRET, "an access token", "a refresh token"):
        assert secret not in told
        assert secret.encode().hex() not in told


async def test_another_key_and_another_place_open_nothing(database: Database) -> None:
    await SystemConfig(database, vault(OLD)).put("stockx_client_secret", SECRET)
    with pytest.raises(SecretsError, match="put that key back"):
        await SystemConfig(database, vault(NEW)).get("stockx_client_secret")
    async with database.connection() as connection:
        await connection.execute("INSERT INTO core.secrets SELECT 'stockx_api_key', encrypted_value FROM core.secrets")
    with pytest.raises(SecretsError, match="was sealed for another place"):
        await SystemConfig(database, vault(OLD)).get("stockx_api_key")


async def test_a_rotation_seals_it_anew(database: Database) -> None:
    await SystemConfig(database, vault(OLD)).put("stockx_client_secret", SECRET)
    both = vault(NEW, OLD)
    assert (await rotate(database, both))["core.secrets"] == 1
    assert await SystemConfig(database, vault(NEW)).get("stockx_client_secret") == SECRET
    assert await secrets_by_key(database) == {both.key_ids[0]: 1}
    assert (await rotate(database, both))["core.secrets"] == 0


async def test_what_the_settings_tell_is_kept_and_may_then_be_left_out(database: Database) -> None:
    config = SystemConfig(database, vault(OLD))
    assert await config.secret("stockx_api_key", None) is None
    assert await config.secret("stockx_api_key", "first") == "first"
    assert await config.secret("stockx_api_key", None) == "first"
    assert await config.secret("stockx_api_key", "second") == "second"
    assert await config.get("stockx_api_key") == "second"
    assert await config.keys() == ["stockx_api_key"]
    assert await config.forget("stockx_api_key")
    assert not await config.forget("stockx_api_key")
    with pytest.raises(SecretsError, match="is no key"):
        await config.put("No Key", "x")


async def test_the_command_keeps_a_secret_from_standard_input(database: Database) -> None:
    environ = {**os.environ, "DATABASE_URL": database.url, "SELLSTREAM_SECRETS_KEYS": OLD}

    async def command(*arguments: str, told: str = "") -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ops.cli",
            "secrets",
            *arguments,
            env=environ,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        out, err = await process.communicate(told.encode())
        return process.returncode, (out + err).decode()

    status, output = await command("set", "stockx_client_secret", told=f"{SECRET}\n")
    assert status == 0, output
    assert SECRET not in output
    assert await SystemConfig(database, vault(OLD)).get("stockx_client_secret") == SECRET
    assert await command("list") == (0, "stockx_client_secret\n")
    assert (await command("set", "stockx_api_key"))[0] == 1
