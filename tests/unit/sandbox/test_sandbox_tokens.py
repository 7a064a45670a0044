"""MercadoLibre's tokens: codes with PKCE, expiry, refresh tokens for one use, restarts."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from services.sandbox.clock import Clock
from services.sandbox.mercadolibre.errors import Refusal
from services.sandbox.mercadolibre.tokens import Application, Tokens

APPLICATION = Application(id=123, client_secret="s3cret", redirect_uri="https://example.test/back")
USER = 180066786


def tokens(clock: Clock | None = None, seed: int = 1) -> Tokens:
    clock = clock or Clock(datetime(2026, 6, 5, tzinfo=UTC), monotonic=lambda: 0.0)
    return Tokens(seed, APPLICATION, clock, timedelta(hours=6))


def form(grant: str, **more: str) -> dict[str, str]:
    return {"grant_type": grant, "client_id": "123", "client_secret": "s3cret", **more}


def refused(made: Tokens, asked: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        made.grant(asked)
    assert caught.value.body["status"] == caught.value.status
    return caught.value.status, caught.value.body["error"]


def test_a_refresh_token_is_good_for_one_use() -> None:
    made = tokens()
    first = made.newest_refresh_token(USER)
    pair = made.grant(form("refresh_token", refresh_token=first))
    assert pair["user_id"] == USER
    assert pair["expires_in"] == 21600
    assert pair["token_type"] == "bearer"
    assert made.user_of(pair["access_token"]) == USER
    assert refused(made, form("refresh_token", refresh_token=first)) == (400, "invalid_grant")
    assert made.grant(form("refresh_token", refresh_token=pair["refresh_token"]))["refresh_token"] != first


def test_the_newest_refresh_token_survives_a_restart_and_an_older_one_does_not() -> None:
    before = tokens()
    first = before.newest_refresh_token(USER)
    second = before.grant(form("refresh_token", refresh_token=first))["refresh_token"]
    third = before.grant(form("refresh_token", refresh_token=second))["refresh_token"]
    after = tokens()
    assert after.grant(form("refresh_token", refresh_token=third))["user_id"] == USER
    assert refused(after, form("refresh_token", refresh_token=second)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "forged", ["", "TG", "TG-00000005deadbeef-180066786", "TG-zzzzzzzz-180066786", "TG-00000000é-１", "-"]
)
def test_forged_refresh_tokens_are_refused(forged: str) -> None:
    assert refused(tokens(), form("refresh_token", refresh_token=forged)) == (400, "invalid_grant")


def test_a_token_of_another_seed_is_refused() -> None:
    other = tokens(seed=2).newest_refresh_token(USER)
    assert refused(tokens(), form("refresh_token", refresh_token=other)) == (400, "invalid_grant")


def test_an_access_token_ends_with_its_time() -> None:
    clock = Clock(datetime(2026, 6, 5, tzinfo=UTC), monotonic=lambda: 0.0)
    made = tokens(clock)
    access = made.grant(form("refresh_token", refresh_token=made.newest_refresh_token(USER)))["access_token"]
    clock.advance(timedelta(seconds=21599))
    assert made.user_of(access) == USER
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Refusal, match="invalid access token") as caught:
        made.user_of(access)
    assert caught.value.status == 401


def test_a_code_is_exchanged_once_and_only_by_who_knows_the_verifier() -> None:
    made = tokens()
    verifier = "a-verifier-of-the-client-0123456789-0123456789"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    back = APPLICATION.redirect_uri

    code = made.authorize(USER, back, challenge, "S256")
    asked = form("authorization_code", code=code, redirect_uri=back)
    assert refused(made, {**asked, "code_verifier": "wrong"}) == (400, "invalid_grant")
    assert refused(made, {**asked, "code_verifier": verifier}) == (400, "invalid_grant")  # the failure spent it

    code = made.authorize(USER, back, challenge, "S256")
    asked = form("authorization_code", code=code, redirect_uri=back, code_verifier=verifier)
    assert made.grant(asked)["user_id"] == USER
    assert refused(made, asked) == (400, "invalid_grant")

    code = made.authorize(USER, back, "plain-challenge", "plain")
    asked = form("authorization_code", code=code, redirect_uri=back, code_verifier="plain-challenge")
    assert made.grant(asked)["user_id"] == USER

    code = made.authorize(USER, back, None, "plain")
    asked = form("authorization_code", code=code, redirect_uri="https://elsewhere.test/")
    assert refused(made, asked) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "invalid_request"),
        (form("password"), "unsupported_grant_type"),
        ({**form("refresh_token"), "client_secret": "guess"}, "invalid_client"),
        ({**form("refresh_token"), "client_id": "124"}, "invalid_client"),
        (form("authorization_code"), "invalid_grant"),
    ],
)
def test_wrong_requests_are_refused_by_name(asked: dict[str, str], error: str) -> None:
    assert refused(tokens(), asked) == (400, error)
