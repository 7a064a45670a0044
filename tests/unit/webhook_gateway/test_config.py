"""Settings: accounts from a variable or a file, and a sentence that names what is wrong; never a value of it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.webhook_gateway.accounts import read_accounts
from services.webhook_gateway.config import Config

SECRET = "a-secret-that-is-never-shown"
SELLER = {"marketplace": "mercadolibre", "account": "main", "user_ids": [34308], "application_id": 6456467593800000}
SHOP = {"marketplace": "shopify", "account": "main", "shop_domain": "a.myshopify.com", "secrets": [SECRET]}


def refused(entries: object) -> str:
    with pytest.raises(ValueError, match=r"^\w") as caught:
        read_accounts(entries if isinstance(entries, str) else json.dumps(entries))
    return str(caught.value)


def test_accounts_are_grouped_by_marketplace() -> None:
    accounts = read_accounts(json.dumps([SELLER, SHOP, SHOP | {"account": "other"}]))
    assert {name: [one.account for one in found] for name, found in accounts.items()} == {
        "mercadolibre": ["main"],
        "shopify": ["main", "other"],
    }


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ("", "no account is configured"),
        ("[{", "the accounts are not JSON (line 1, column 3)"),
        ("[" * 100_000, "the accounts are not JSON"),
        ([], "at least one object"),
        ({}, "a JSON list"),
        (["main"], "entry 1: it must be an object"),
        ([SELLER, {"marketplace": "etsy"}], "entry 2: `marketplace` must be one of ebay, "),
        ([SHOP | {"shop_domain": "x"}], "entry 1 (shopify): shop_domain:"),
        ([SHOP | {"extra": 1}], "entry 1 (shopify): extra:"),
        ([SHOP | {"account": "../etc"}], "entry 1 (shopify): account:"),
        ([SHOP, SHOP], "entry 2 (shopify): the account main stands twice"),
        ([SELLER, SELLER | {"account": "other"}], "mercadolibre: the accounts main and other share user 34308"),
    ],
)
def test_a_wrong_account_is_named_without_its_values(entries: object, told: str) -> None:
    message = refused(entries)
    assert told in message
    assert SECRET not in message


def start(environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "services.webhook_gateway"],
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_service_does_not_start_with_wrong_settings_and_says_which() -> None:
    ended = start({"WEBHOOK_GATEWAY_ACCOUNTS": json.dumps([SHOP | {"secrets": [SECRET], "shop_domain": SECRET}])})
    assert ended.returncode == 2
    assert "WEBHOOK_GATEWAY_ACCOUNTS is wrong" in ended.stderr
    assert "KAFKA_BOOTSTRAP_SERVERS: Field required" in ended.stderr
    assert "services/webhook_gateway/README.md lists the settings" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


def config(**settings: Any) -> Config:
    return Config(**({"accounts": json.dumps([SELLER]), "kafka": None} | settings))


@pytest.fixture
def kafka_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")


@pytest.mark.usefixtures("kafka_named")
def test_accounts_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps([SHOP]))
    assert set(config(accounts="", accounts_file=file).accounts) == {"shopify"}
    with pytest.raises(ValidationError, match="not both"):
        config(accounts_file=file)
    with pytest.raises(ValidationError, match="cannot be read"):
        config(accounts="", accounts_file=tmp_path / "nowhere.json")


@pytest.mark.usefixtures("kafka_named")
def test_no_secret_is_shown_by_the_settings() -> None:
    assert SECRET not in repr(config(accounts=json.dumps([SHOP])))


@pytest.mark.usefixtures("kafka_named")
def test_the_margin_must_leave_mercadolibre_time() -> None:
    assert config(margin=0.4).margin.total_seconds() == 0.4
    with pytest.raises(ValidationError, match="half a second is MercadoLibre's whole deadline"):
        config(margin=0.5)
