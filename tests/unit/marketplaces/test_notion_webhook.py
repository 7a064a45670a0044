"""Notion's first request brings the key of all later proofs: kept for its owner's eyes, and never replaced."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from libs.marketplaces.contract import Delivery, Notification
from libs.marketplaces.notion.webhook import NotionAccount, NotionWebhook
from libs.marketplaces.proof import hmac_sha256
from tests.webhook_examples import fate

TOKEN = "secret_made-up-verification-token-0001"
EVENT = {"id": "e1", "type": "page.created", "entity": {"id": "p1", "type": "page"}}


def account(**told: Any) -> NotionAccount:
    return NotionAccount.model_validate({"account": "sales", **told})


def delivery(body: object, token: str | None = None, secret: str | None = "a-secret-of-the-url") -> Delivery:
    raw = json.dumps(body).encode()
    headers = {} if token is None else {"x-notion-signature": f"sha256={hmac_sha256(token.encode(), raw).hex()}"}
    return Delivery(raw, headers, {}, "sales", secret, time.time())


async def test_the_token_is_kept_in_a_file_for_one_and_proves_what_comes_then(tmp_path: Path) -> None:
    file = tmp_path / "notion.token"
    settings = {"token_file": str(file), "path_secret": "a-secret-of-the-url"}
    webhook = NotionWebhook([account(**settings)])
    assert await fate(webhook, delivery(EVENT, TOKEN)) == (401, "bad_signature"), "nothing is known yet"
    assert await fate(webhook, delivery({"verification_token": TOKEN}, secret="another")) == (404, "unknown_account")
    assert not file.exists()
    assert await fate(webhook, delivery({"verification_token": TOKEN})) == (200, "answered")
    assert file.read_text() == f"{TOKEN}\n"
    assert file.stat().st_mode & 0o077 == 0
    for one in (webhook, NotionWebhook([account(**settings)])):  # and after a restart
        assert isinstance(await fate(one, delivery(EVENT, TOKEN)), Notification)
        assert await fate(one, delivery({"verification_token": "secret_of-somebody-else"})) == (401, "bad_signature")
    assert file.read_text() == f"{TOKEN}\n", "the first one stays"


@pytest.mark.parametrize("told", [7, "short", "x" * 600, "sécret-of-a-stranger"])
async def test_what_is_no_token_is_refused(tmp_path: Path, told: object) -> None:
    webhook = NotionWebhook([account(token_file=str(tmp_path / "t"), path_secret="a-secret-of-the-url")])
    assert await fate(webhook, delivery({"verification_token": told})) == (400, "bad_payload")
    assert not list(tmp_path.iterdir())


def test_an_account_without_any_token_is_refused_at_start(tmp_path: Path) -> None:
    for told in ({}, {"token_file": str(tmp_path / "t")}):
        with pytest.raises(ValueError, match="it needs a verification_token, or a token_file and a path_secret"):
            account(**told)
