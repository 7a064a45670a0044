"""The settings of mercadolibre_api: the documented names, an application whole or not at all, secrets not shown."""

import pytest
from pydantic import ValidationError

from libs.secrets.keys import new_key
from services.mercadolibre_api.config import Config

KEY = new_key()
APPLICATION = {
    "ML_CLIENT_ID": "6456467593800000",
    "ML_CLIENT_SECRET": "application-secret",
    "ML_REDIRECT_URI": "https://your-domain.example/mercadolibre/oauth/callback",
}


@pytest.fixture
def environment(monkeypatch):
    keys = ("WORKER_KEY", "MERCADOLIBRE_API_WORKER_KEY")
    for name in (*keys, *APPLICATION, *(name.replace("ML_", "MERCADOLIBRE_API_") for name in APPLICATION)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:db-password@127.0.0.1/sellstream")
    monkeypatch.setenv("SELLSTREAM_SECRETS_KEYS", KEY)

    def put(values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


def test_without_anything_it_starts_with_the_documented_figures(environment):
    config = Config()
    assert config.port == 8083
    assert config.application is None
    assert (config.limits.searches, config.limits.items, config.limits.users) == (3000, 10_000, 3000)
    assert str(config.authorization_url) == "https://auth.mercadolibre.com.mx/authorization"
    assert str(config.api.base_url) == "https://api.mercadolibre.com/"


@pytest.mark.parametrize("prefix", ["ML_", "MERCADOLIBRE_API_"])
def test_an_application_by_either_name(environment, prefix):
    environment({name.replace("ML_", prefix): value for name, value in APPLICATION.items()})
    application = Config().application
    assert application is not None
    assert application.client_id == APPLICATION["ML_CLIENT_ID"]
    assert application.client_secret.get_secret_value() == APPLICATION["ML_CLIENT_SECRET"]
    assert application.redirect_uri == APPLICATION["ML_REDIRECT_URI"]


@pytest.mark.parametrize("missing", APPLICATION)
def test_half_an_application_is_refused_by_the_name_of_what_lacks(environment, missing):
    environment({name: value for name, value in APPLICATION.items() if name != missing})
    with pytest.raises(ValidationError, match=f"{missing} must be set too"):
        Config()


def test_one_limit_may_be_given(environment):
    environment({"MERCADOLIBRE_API_LIMITS__ITEMS": "500"})
    assert (Config().limits.searches, Config().limits.items) == (3000, 500)


def test_secrets_are_not_shown(environment):
    environment(APPLICATION)
    shown = repr(Config())
    for secret in (KEY, APPLICATION["ML_CLIENT_SECRET"], "db-password"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ML_CLIENT_ID", "not-a-number"),
        ("ML_REDIRECT_URI", "ftp://x"),
        ("MERCADOLIBRE_API_SITE", "mexico"),
        ("MERCADOLIBRE_API_STATE_SECONDS", "0"),
    ],
)
def test_wrong_settings_are_refused(environment, name, value):
    environment({**APPLICATION, name: value})
    with pytest.raises(ValidationError):
        Config()


@pytest.mark.parametrize("name", ["WORKER_KEY", "MERCADOLIBRE_API_WORKER_KEY"])
def test_the_worker_s_key_by_either_name_and_none_where_it_is_empty(environment, name):
    assert Config().worker_key is None
    environment({name: ""})
    assert Config().worker_key is None
    environment({name: "a-key-of-sixteen-characters"})
    key = Config().worker_key
    assert key is not None
    assert key.get_secret_value() == "a-key-of-sixteen-characters"
    environment({name: "too-short"})
    with pytest.raises(ValidationError):
        Config()
