"""The one store of tokens: sealed, seeded, taken over from plain text, rotated; kills in the middle of a refresh."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Unauthorized
from libs.marketplaces.mercadolibre.oauth import refresh_grant
from libs.oauth.pkce import new_proof
from libs.oauth.states import PostgresStates
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair, TokensAway
from libs.secrets.keys import SecretsError, new_key, read_keys
from libs.secrets.tables import forget_others, rotate, secrets_by_key
from libs.secrets.vault import Vault
from services.ops.cli import app
from services.ops.doctor import examine
from tests.integration.running_mercadolibre_api import KEY, VAULT, empty
from tests.mercadolibre_double import MercadoLibreDouble, mercadolibre_double
from tests.refreshing_process import ACCOUNT, CLIENT

NEW = new_key()
PAIR = TokenPair("APP_USR-access-0", "TG-refresh-token-0", datetime(2026, 6, 5, 12, tzinfo=UTC))


@pytest.fixture
async def database(whole_database: Database) -> Database:
    await empty(whole_database)
    return whole_database


@pytest.fixture
def store(database: Database) -> PostgresTokenStore:
    return PostgresTokenStore(database, CLIENT, VAULT)


@pytest.fixture
async def double() -> AsyncIterator[MercadoLibreDouble]:
    async with mercadolibre_double() as opened:
        yield opened


async def refreshed(database: Database, double: MercadoLibreDouble) -> str:
    """A token from a process that begins now."""
    async with ApiClient("mercadolibre", ApiSettings(base_url=double.base_url)) as api:
        grant = refresh_grant(api, "6456467593800000", SecretStr("client-secret"))
        return await RotatingTokens("mercadolibre", ACCOUNT, PostgresTokenStore(database, CLIENT, VAULT), grant).token()


async def killed(database: Database, double: MercadoLibreDouble, moment: str) -> None:
    environ = {**os.environ, "SELLSTREAM_SECRETS_KEYS": KEY}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.refreshing_process", database.url, double.base_url, moment, env=environ
    )
    assert await process.wait() == -9


async def test_a_process_killed_before_it_sent_the_token_costs_nothing(database, store, double):
    await store.seed(ACCOUNT, TokenPair("", "TG-refresh-token-0"))
    await killed(database, double, "noted")
    assert double.granted == 0
    assert await refreshed(database, double) == "APP_USR-access-token-1"
    async with store.hold(ACCOUNT) as held:
        assert held.spending is None


async def test_a_process_killed_between_refresh_and_store_is_reported(database, store, double):
    await store.seed(ACCOUNT, TokenPair("", "TG-refresh-token-0"))
    await killed(database, double, "granted")
    assert double.granted == 1
    with pytest.raises(TokensAway, match="never stored, as yet"):  # its machine may only be slow
        await refreshed(database, double)
    async with database.connection() as connection:
        await connection.execute("UPDATE oauth.tokens SET spending_since = spending_since - interval '2 minutes'")
    with pytest.raises(Unauthorized, match=r"began at .* was never stored, so the token is spent.*Authorise") as raised:
        await refreshed(database, double)
    assert "TG-refresh" not in str(raised.value)
    await store.authorize(ACCOUNT, TokenPair("", double.refresh))
    assert await refreshed(database, double) == "APP_USR-access-token-2"


async def test_replicas_of_a_killed_one_do_not_wait_for_its_lock(database, store, double):
    await store.seed(ACCOUNT, TokenPair("", "TG-refresh-token-0"))
    await killed(database, double, "noted")
    async with asyncio.timeout(20):  # the lock went with the connection; LOCK_SECONDS is longer
        assert set(await asyncio.gather(*(refreshed(database, double) for _ in range(3)))) == {"APP_USR-access-token-1"}
    assert double.granted == 1


async def test_a_configured_token_does_not_replace_an_authorisation_in_a_browser(store):
    await store.authorize(ACCOUNT, PAIR)
    await store.seed(ACCOUNT, TokenPair("", "TG-configured"))
    await store.seed(ACCOUNT, TokenPair("", "TG-configured"))  # a restart
    assert await store.load(ACCOUNT) == PAIR
    await store.seed(ACCOUNT, TokenPair("", "TG-configured-later"))
    assert await store.load(ACCOUNT) == TokenPair("", "TG-configured-later")


async def test_an_authorisation_in_a_browser_replaces_a_configured_token_for_good(store):
    await store.seed(ACCOUNT, TokenPair("", "TG-configured"))
    await store.authorize(ACCOUNT, PAIR)
    await store.seed(ACCOUNT, TokenPair("", "TG-configured"))
    assert await store.load(ACCOUNT) == PAIR


async def test_a_row_in_plain_text_is_taken_over_sealed(database, store):
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO oauth.unsealed_tokens (client, account, access_token, refresh_token, seed) "
            "VALUES ('mercadolibre', 'acme', 'APP_USR-rotated', 'TG-rotated', sha256('TG-configured'))"
        )
    await store.seed(ACCOUNT, TokenPair("", "TG-configured"), formerly=("mercadolibre", "acme"))
    assert await store.load(ACCOUNT) == TokenPair("APP_USR-rotated", "TG-rotated")
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM oauth.unsealed_tokens") == 0


async def test_applications_do_not_see_each_others_tokens(database, store):
    await store.authorize(ACCOUNT, PAIR)
    other = PostgresTokenStore(database, "mercadolibre/1", VAULT)
    assert await other.load(ACCOUNT) is None
    assert await other.latest() is None


async def test_a_sealed_pair_opens_in_its_row_only(database, store):
    for account in ("1", "2"):
        await store.authorize(account, TokenPair(f"access of {account}", f"refresh of {account}"))
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE oauth.tokens AS mine SET access_token = theirs.access_token FROM oauth.tokens AS theirs "
            "WHERE mine.account = '1' AND theirs.account = '2'"
        )
    with pytest.raises(Unauthorized, match="sealed for another place"):
        await store.load("1")
    assert (await store.load("2")).access == "access of 2"


async def test_keys_rotate_beside_running_services(database, store):
    states = PostgresStates(database, CLIENT, VAULT, timedelta(minutes=10))
    proof = new_proof()
    await states.put(proof)
    for number in range(250):
        await store.authorize(str(number), TokenPair(f"access {number}", f"refresh {number}"))
    both = Vault(read_keys(f"{NEW},{KEY}"))
    assert await rotate(database, both) == {
        "oauth.tokens": 250,
        "oauth.states": 1,
        "privacy.keys": 0,
        "core.secrets": 0,
    }
    assert await rotate(database, both) == {"oauth.tokens": 0, "oauth.states": 0, "privacy.keys": 0, "core.secrets": 0}
    assert await secrets_by_key(database) == {both.key_ids[0]: 501}
    new = Vault(read_keys(NEW))
    assert (await PostgresTokenStore(database, CLIENT, new).load("7")).refresh == "refresh 7"
    assert await PostgresStates(database, CLIENT, new, timedelta(minutes=10)).take(proof.state) == proof
    with pytest.raises(Unauthorized, match="put that key back"):
        await store.load("7")


async def test_rotation_without_the_old_key_says_which_is_missing_and_changes_nothing(database, store):
    await store.authorize(ACCOUNT, PAIR)
    with pytest.raises(SecretsError, match=VAULT.key_ids[0]):
        await rotate(database, Vault(read_keys(NEW)))
    assert await store.load(ACCOUNT) == PAIR


async def test_what_no_key_opens_can_be_given_up(database, store):
    await store.authorize("1", PAIR)
    new = PostgresTokenStore(database, CLIENT, Vault(read_keys(NEW)))
    await new.authorize("2", PAIR)
    forgotten = await forget_others(database, Vault(read_keys(NEW)))
    assert forgotten == {"oauth.tokens": 1, "oauth.states": 0, "privacy.keys": 0, "core.secrets": 0}
    assert await new.load("1") is None
    assert await new.load("2") == PAIR


async def sellstream(database: Database, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run a command as its process would, with no keys but those given: its exit status and all its output."""
    env = {"DATABASE_URL": database.url, "SELLSTREAM_SECRETS_KEYS": None, "SELLSTREAM_SECRETS_KEYS_FILE": None}
    result = await asyncio.to_thread(CliRunner().invoke, app, ["secrets", *arguments], env={**env, **environ})
    return result.exit_code, result.output


async def test_the_command_line_rotates_and_tells(database, store, tmp_path):
    await store.authorize(ACCOUNT, PAIR)
    state = {"SELLSTREAM_STATE_DIR": str(tmp_path)}
    code, told = await sellstream(database, "init", **state)
    assert code == 1
    assert "set SELLSTREAM_SECRETS_KEYS" in told
    code, told = await sellstream(database, "init", SELLSTREAM_SECRETS_KEYS_FILE=str(tmp_path / "keys"), **state)
    assert code == 1  # a new key cannot open what is stored
    assert "1 stored" not in told
    assert "2 stored secrets were sealed with other keys" in told
    code, told = await sellstream(database, "rotate", SELLSTREAM_SECRETS_KEYS=f"{NEW},{KEY}", **state)
    assert code == 0, told
    assert "oauth.tokens  1 rows sealed anew" in told
    code, told = await sellstream(database, "status", SELLSTREAM_SECRETS_KEYS=NEW, **state)
    assert code == 0, told
    assert "seals and opens  2 secrets" in told
    assert NEW not in told


async def test_the_command_line_makes_a_first_key_once(database, tmp_path):
    named = {"SELLSTREAM_SECRETS_KEYS_FILE": str(tmp_path / "keys")}
    assert (await sellstream(database, "init", **named))[0] == 0
    made = (tmp_path / "keys").read_text()
    code, told = await sellstream(database, "init", **named)
    assert (code, (tmp_path / "keys").read_text()) == (0, made)
    assert "0 secrets are stored" in told


async def test_doctor_tells_of_keys_and_of_what_is_stored(database, store, tmp_path):
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DATABASE_URL": database.url,
        "MERCADOLIBRE_ENRICHER_ACCOUNTS": "[…]",
        "SELLSTREAM_STATE_DIR": str(tmp_path),
    }

    async def told(**keys: str) -> dict[str, str]:
        return {finding.text: finding.level for finding in await examine({**environ, **keys})}

    await store.authorize(ACCOUNT, PAIR)
    assert any(
        text.startswith("Stored tokens cannot be read") for text, level in (await told()).items() if level == "fail"
    )
    rotated = await told(SELLSTREAM_SECRETS_KEYS=f"{NEW},{KEY}")
    assert rotated["2 stored secrets are encrypted with older keys."] == "warn"
    assert any(text.endswith("1 older ones still open.") for text in rotated)
    lost = await told(SELLSTREAM_SECRETS_KEYS=NEW)
    assert lost[f"2 stored secrets need the keys {VAULT.key_ids[0]}."] == "fail"
