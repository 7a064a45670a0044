"""OAuth with PKCE, answer for answer as documented; tokens stored sealed, refreshed once, and never lost silently."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from libs.db.pool import Database
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import SPENDING, TokenPair
from tests.integration.running_mercadolibre_api import (
    AUTHORIZATION,
    CLIENT_ID,
    CLIENT_SECRET,
    REDIRECT,
    STORE,
    VAULT,
    Api,
    Upstream,
    empty,
    mercadolibre_api,
    upstream,
)
from tests.integration.running_sandbox import sandbox

BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
USER = "123456789"


@pytest.fixture
async def database(whole_database: Database) -> Database:
    await empty(whole_database)
    return whole_database


@pytest.fixture
async def marketplace() -> AsyncIterator[Upstream]:
    async with upstream() as opened:
        yield opened


@pytest.fixture
async def api(database: Database, marketplace: Upstream) -> AsyncIterator[Api]:
    async with mercadolibre_api(database.url, marketplace.base_url) as opened:
        yield opened


async def authorize(api: Api) -> dict[str, str]:
    """What a person is sent to MercadoLibre with."""
    told = await api.get("/mercadolibre/oauth/authorize")
    assert told.status == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(told.headers["Location"]).query).items()}


async def stored(database: Database, user: str = USER) -> TokenPair | None:
    return await PostgresTokenStore(database, STORE, VAULT).load(user)


async def ends(database: Database, moment: datetime, user: str = USER) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE oauth.tokens SET expires_at = $1 WHERE account = $2", moment, user)


async def test_ping(api):
    told = await api.get("/mercadolibre/ping")
    assert (told.status, told.json) == (200, {"status": "ok", "service": "mercadolibre"})


async def test_authorize_redirects_with_state_and_challenge(api, database):
    told = await api.get("/mercadolibre/oauth/authorize")
    assert told.status == 302
    page, _, query = told.headers["Location"].partition("?")
    assert page == AUTHORIZATION
    sent = parse_qs(query)
    assert list(sent) == [
        "response_type",
        "client_id",
        "redirect_uri",
        "code_challenge",
        "code_challenge_method",
        "state",
    ]
    assert sent["response_type"] == ["code"]
    assert sent["client_id"] == [CLIENT_ID]
    assert sent["redirect_uri"] == [REDIRECT]
    assert sent["code_challenge_method"] == ["S256"]
    (state,), (challenge,) = sent["state"], sent["code_challenge"]
    assert BASE64URL.fullmatch(state)
    assert len(base64.urlsafe_b64decode(state + "==")) == 16
    assert len(base64.urlsafe_b64decode(challenge + "=")) == 32
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM mercadolibre.ml_oauth_states WHERE state = $1", state)
    assert set(row.keys()) == {"id", "state", "code_verifier", "created_at", "used_at"}
    assert row["used_at"] is None


async def test_callback_saves_the_tokens(api, database, marketplace):
    sent = await authorize(api)
    told = await api.get("/mercadolibre/oauth/callback", code="AQAA-code", state=sent["state"])
    assert (told.status, told.json) == (200, {"ok": True, "saved": True, "user_id": USER})
    (form,) = marketplace.forms
    assert form | {"code_verifier": ""} == {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "code": "AQAA-code",
        "redirect_uri": REDIRECT,
        "code_verifier": "",
    }
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == sent["code_challenge"]
    assert len(base64.urlsafe_b64decode(form["code_verifier"] + "=")) == 32
    pair = await stored(database)
    assert pair is not None
    assert (pair.access, pair.refresh) == (marketplace.access, marketplace.refresh)
    assert pair.expires_at is not None
    assert abs(pair.expires_at - datetime.now(UTC) - timedelta(seconds=21600)) < timedelta(minutes=1)
    async with database.connection() as connection:
        used = await connection.fetchval("SELECT used_at FROM mercadolibre.ml_oauth_states")
        shown = await connection.fetchrow("SELECT * FROM mercadolibre.ml_tokens")
    assert used is not None
    documented = {"id", "access_token", "refresh_token", "expires_at", "created_at", "updated_at"}
    assert set(shown.keys()) == documented | {"application_id", "user_id"}
    assert (shown["user_id"], shown["expires_at"]) == (USER, pair.expires_at)


@pytest.mark.parametrize(
    "query", [{}, {"code": "c"}, {"state": "s"}, {"code": "", "state": "s"}, {"error": "access_denied", "state": "s"}]
)
async def test_callback_without_code_or_state(api, query):
    told = await api.get("/mercadolibre/oauth/callback", **query)
    assert (told.status, told.json) == (400, {"ok": False, "error": "Missing code/state"})


@pytest.mark.parametrize("state", ["never-made", "x" * 300, "Ω"])
async def test_callback_with_an_unknown_state(api, marketplace, state):
    told = await api.get("/mercadolibre/oauth/callback", code="c", state=state)
    assert (told.status, told.json) == (400, {"ok": False, "error": "Invalid/expired state"})
    assert marketplace.forms == []


async def test_a_nul_character_in_a_state_is_refused_for_the_whole_address(api, marketplace):
    told = await api.get("/mercadolibre/oauth/callback", code="c", state="a\0b")
    assert (told.status, told.json["detail"]) == (400, "No address here has a NUL character.")
    assert marketplace.forms == []


async def test_a_state_works_once_even_for_many_at_once(api, marketplace):
    state = (await authorize(api))["state"]
    told = await asyncio.gather(*(api.get("/mercadolibre/oauth/callback", code="c", state=state) for _ in range(10)))
    assert sorted(each.status for each in told) == [200] + [400] * 9
    assert all(each.json == {"ok": False, "error": "Invalid/expired state"} for each in told if each.status == 400)
    assert len(marketplace.forms) == 1


async def test_a_state_expires(api, database):
    state = (await authorize(api))["state"]
    async with database.connection() as connection:
        await connection.execute("UPDATE oauth.states SET expires_at = now()")
    told = await api.get("/mercadolibre/oauth/callback", code="c", state=state)
    assert (told.status, told.json) == (400, {"ok": False, "error": "Invalid/expired state"})


async def test_a_refused_code_is_told(api, database, marketplace):
    marketplace.grant_status = 400
    told = await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    assert told.status == 400
    assert told.json["ok"] is False
    assert "invalid_grant" in told.json["error"]
    assert await stored(database) is None


async def test_without_an_application_the_flow_says_what_to_set(database, marketplace):
    none = {"client_id": None, "client_secret": None, "redirect_uri": None}
    async with mercadolibre_api(database.url, marketplace.base_url, **none) as api:
        told = await api.get("/mercadolibre/oauth/authorize")
        assert told.status == 500
        assert "ML_CLIENT_ID" in told.json["error"]
        told = await api.get("/ml/whoami")
        assert (told.status, told.json["error"]) == (500, "No MercadoLibre tokens found. Run OAuth flow first.")


async def test_stored_tokens_are_sealed_each_to_its_row(api, database, marketplace):
    sent = await authorize(api)
    await api.get("/mercadolibre/oauth/callback", code="c", state=sent["state"])
    async with database.connection() as connection:
        for table in ("oauth.tokens", "oauth.states", "mercadolibre.ml_tokens", "mercadolibre.ml_oauth_states"):
            shown = await connection.fetchval(f"SELECT string_agg(encode(t::text::bytea, 'escape'), '') FROM {table} t")
            row = await connection.fetchrow(f"SELECT * FROM {table}")
            plain = b"".join(value for value in row.values() if isinstance(value, bytes))
            for secret in (marketplace.access, marketplace.refresh, marketplace.forms[0]["code_verifier"]):
                assert secret not in shown
                assert secret.encode() not in plain
                assert secret.encode().hex() not in shown


async def test_tokens_are_masked_in_logs(api, marketplace, capsys):
    await api.get("/mercadolibre/oauth/callback", code="secret-code", state=(await authorize(api))["state"])
    await api.get("/ml/whoami")
    logged = capsys.readouterr().out
    assert "APP_US…r-1" in logged
    for secret in (marketplace.access, marketplace.refresh, CLIENT_SECRET, "secret-code"):
        assert secret not in logged


async def test_several_users_authorise_and_the_last_or_the_configured_one_is_used(api, database, marketplace):
    for user in (111, 222):
        marketplace.user_id = user
        told = await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
        assert told.json["user_id"] == str(user)
    await api.get("/ml/whoami")
    assert marketplace.asked[-1].headers["Authorization"] == "Bearer APP_USR-access-token-number-2"
    async with mercadolibre_api(database.url, marketplace.base_url, user_id="111") as other:
        await other.get("/ml/whoami")
    assert marketplace.asked[-1].headers["Authorization"] == "Bearer APP_USR-access-token-number-1"


async def test_authorising_again_replaces_the_tokens_at_once(api, marketplace):
    for number in (1, 2):
        await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
        await api.get("/ml/whoami")
        assert marketplace.asked[-1].headers["Authorization"] == f"Bearer APP_USR-access-token-number-{number}"


async def test_a_hundred_requests_at_the_moment_of_expiry_cause_one_refresh(api, database, marketplace):
    """Half of them at another process's pool; all are answered, with the one new token."""
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    await ends(database, datetime.now(UTC))
    marketplace.grant_pause = 0.1
    async with AsyncExitStack() as stack:
        fresh = [await stack.enter_async_context(mercadolibre_api(database.url, marketplace.base_url)) for _ in "ab"]
        told = await asyncio.gather(*(fresh[number % 2].get("/ml/items/MLM1") for number in range(100)))
    assert {each.status for each in told} == {200}
    assert [form["grant_type"] for form in marketplace.forms] == ["authorization_code", "refresh_token"]
    assert {each.headers["Authorization"] for each in marketplace.asked} == {f"Bearer {marketplace.access}"}
    pair = await stored(database)
    assert pair is not None
    assert pair.refresh == marketplace.refresh


async def test_a_token_is_refreshed_before_it_ends(api, database, marketplace):
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    await ends(database, datetime.now(UTC) + timedelta(seconds=90))
    assert (await api.get("/ml/whoami")).status == 200
    assert marketplace.granted == 2


async def test_the_new_pair_is_stored_before_it_is_used(api, database, marketplace):
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    await ends(database, datetime.now(UTC))
    found: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        pair = await stored(database)
        assert pair is not None
        found.append(pair.access)
        return web.json_response({})

    marketplace.answer = answer
    assert (await api.get("/ml/whoami")).status == 200
    assert found == [marketplace.access]


async def test_a_refused_refresh_token_is_the_documented_error(api, database, marketplace):
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    await ends(database, datetime.now(UTC))
    marketplace.refresh = "TG-another"
    told = await api.get("/ml/whoami")
    assert (told.status, told.json) == (500, {"ok": False, "error": "Token refresh failed"})


async def test_without_tokens_the_documented_error(api):
    for path in ("/ml/whoami", "/ml/items/MLM1", "/ml/search?q=iphone"):
        told = await api.get(path)
        expected = {"ok": False, "error": "No MercadoLibre tokens found. Run OAuth flow first."}
        assert (told.status, told.json) == (500, expected)


async def test_a_crash_between_refresh_and_store_is_reported(api, database, marketplace, capsys):
    """The process that refreshed died: its token is spent, and what it got is nowhere. The next one says so."""
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    store = PostgresTokenStore(database, STORE, VAULT)
    async with store.hold(USER) as held:
        await held.spend()  # durable before the grant …
    marketplace.refresh = "TG-which-nobody-stored"  # … which succeeded …
    async with database.connection() as connection:  # … and then the process was killed, long ago
        await connection.execute(
            "UPDATE oauth.tokens SET expires_at = now(), spending_since = now() - $1::interval", 2 * SPENDING
        )
    told = await api.get("/ml/whoami")
    assert (told.status, told.json) == (500, {"ok": False, "error": "Token refresh failed"})
    logged = capsys.readouterr().out
    assert "was never stored, so the token is spent" in logged
    assert "Authorise the account again" in logged
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    assert (await api.get("/ml/whoami")).status == 200


async def test_a_crash_before_the_grant_costs_nothing(api, database, marketplace):
    await api.get("/mercadolibre/oauth/callback", code="c", state=(await authorize(api))["state"])
    async with PostgresTokenStore(database, STORE, VAULT).hold(USER) as held:
        await held.spend()
    await ends(database, datetime.now(UTC))
    assert (await api.get("/ml/whoami")).status == 200
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT spending_since FROM oauth.tokens") is None


async def test_the_whole_flow_against_the_sandbox(database):
    async with sandbox(mercadolibre_redirect_uri=REDIRECT, mercadolibre_pkce_required=True) as marketplace:
        accounts = (await marketplace.control("GET", "/_accounts"))["mercadolibre"]
        base = f"{marketplace.base}/mercadolibre"
        async with mercadolibre_api(
            database.url,
            base,
            client_id=str(accounts["application_id"]),
            client_secret=accounts["client_secret"],
            authorization_url=f"{base}/authorization",
        ) as api:
            page = (await api.get("/mercadolibre/oauth/authorize")).headers["Location"]
            back = await marketplace.get(page.removeprefix(marketplace.base))
            assert back.status == 302
            query = parse_qs(urlsplit(back.headers["Location"]).query)
            told = await api.get("/mercadolibre/oauth/callback", code=query["code"][0], state=query["state"][0])
            seller = accounts["sellers"][0]
            assert told.json == {"ok": True, "saved": True, "user_id": str(seller["user_id"])}
            me = await api.get("/ml/whoami")
            assert (me.status, me.json["id"], me.json["nickname"]) == (200, seller["user_id"], seller["nickname"])
            ping = await api.get("/ml/public_ping")
            assert (ping.status, ping.json["status"]) == (200, 200)
