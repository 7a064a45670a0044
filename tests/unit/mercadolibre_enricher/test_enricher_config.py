"""The enricher's settings: clear when wrong, silent about secrets."""

import json

import pytest
from pydantic import ValidationError

from libs.secrets.keys import new_key
from services.mercadolibre_enricher.config import Config

KEY = new_key()
ACCOUNT = {
    "account": "acme",
    "user_id": 34308,
    "client_id": 6456467593800000,
    "client_secret": "client-secret",
    "refresh_token": "TG-refresh",
}


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:db-password@127.0.0.1/sellstream")
    monkeypatch.setenv("SELLSTREAM_SECRETS_KEYS", KEY)

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"MERCADOLIBRE_ENRICHER_{name}", value)

    return put


def test_accounts_are_enough(environment):
    environment(ACCOUNTS=json.dumps([ACCOUNT]))
    config = Config()
    assert config.accounts[0].user_id == "34308"
    assert config.port == 8081
    assert config.coalesce_milliseconds == 200
    assert str(config.api.base_url) == "https://api.mercadolibre.com/"


def test_a_part_of_the_client_settings_may_be_given(environment):
    environment(ACCOUNTS=json.dumps([ACCOUNT]), API__TIMEOUT_SECONDS="3", COALESCE_MILLISECONDS="500")
    config = Config()
    assert config.api.timeout_seconds == 3
    assert str(config.api.base_url) == "https://api.mercadolibre.com/"
    assert config.coalesce_milliseconds == 500


def test_secrets_are_not_shown(environment):
    environment(ACCOUNTS=json.dumps([ACCOUNT]))
    assert "client-secret" not in repr(Config())
    assert "TG-refresh" not in repr(Config())
    assert "db-password" not in repr(Config())
    assert KEY not in repr(Config())


@pytest.mark.parametrize("missing", ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "SELLSTREAM_SECRETS_KEYS"])
def test_a_missing_dependency_is_named(environment, monkeypatch, missing):
    environment(ACCOUNTS=json.dumps([ACCOUNT]))
    monkeypatch.delenv(missing)
    with pytest.raises(ValidationError, match=f"(?i){missing}"):
        Config()


@pytest.mark.parametrize(
    "accounts",
    [
        [],
        [ACCOUNT, ACCOUNT],
        [{**ACCOUNT, "user_id": "acme"}],
        [{**ACCOUNT, "refresh_token": ""}],
        [{**ACCOUNT, "x": 1}],
    ],
)
def test_wrong_accounts_are_refused(environment, accounts):
    environment(ACCOUNTS=json.dumps(accounts))
    with pytest.raises(ValidationError):
        Config()
