"""Sealed secrets: opened only by their key, in their place, unchanged; keys are replaceable and never shown."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.secrets.keys import SecretsError, new_key, read_keys
from libs.secrets.settings import SecretsSettings, secrets_settings
from libs.secrets.vault import Vault, place_of

OLD, NEW = new_key(), new_key()
PLACE = place_of("oauth.tokens", "access_token", "mercadolibre/1", "2")


def vault(*keys: str) -> Vault:
    return Vault(read_keys(",".join(keys)))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(max_size=40))
def test_what_is_sealed_opens_in_its_place(secret, account):
    place = place_of("t", "c", account)
    sealed = vault(NEW).seal(secret, place)
    assert vault(NEW).open(sealed, place) == secret
    assert len(sealed) == 1 + 4 + 12 + len(secret.encode()) + 16


def test_sealed_bytes_do_not_show_the_secret_and_never_repeat():
    one, other = (vault(NEW).seal("APP_USR-secret", PLACE) for _ in range(2))
    assert b"APP_USR" not in one
    assert one != other
    assert one[:5] == other[:5] == vault(NEW).head


@pytest.mark.parametrize(
    "place",
    [
        place_of("oauth.tokens", "refresh_token", "mercadolibre/1", "2"),
        place_of("oauth.tokens", "access_token", "mercadolibre/1", "3"),
        place_of("oauth.states", "access_token", "mercadolibre/1", "2"),
        place_of("oauth.tokens", "access_token", "mercadolibre/1, 2"),
    ],
)
def test_what_was_copied_to_another_place_does_not_open(place):
    with pytest.raises(SecretsError, match="changed, or was sealed for another place"):
        vault(NEW).open(vault(NEW).seal("secret", PLACE), place)


@given(st.integers(0, 16 + 12 + 5 + 5), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position, difference):
    sealed = bytearray(vault(NEW).seal("secret", PLACE))
    sealed[position % len(sealed)] ^= difference
    with pytest.raises(SecretsError):
        vault(NEW).open(bytes(sealed), PLACE)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_two_rows_share_a_place(first, second, third, fourth):
    same = (first, second) == (third, fourth)
    assert (place_of("t", "c", first, second) == place_of("t", "c", third, fourth)) is same


def test_a_rotated_vault_opens_the_old_and_seals_with_the_new():
    sealed = vault(OLD).seal("secret", PLACE)
    both = vault(NEW, OLD)
    assert both.open(sealed, PLACE) == "secret"
    assert vault(NEW).open(both.seal("secret", PLACE), PLACE) == "secret"


def test_a_missing_key_is_named_by_its_id():
    sealed = vault(OLD).seal("secret", PLACE)
    (old,), (new,) = vault(OLD).key_ids, vault(NEW).key_ids
    with pytest.raises(SecretsError, match=f"{old}.*SELLSTREAM_SECRETS_KEYS.*{new}"):
        vault(NEW).open(sealed, PLACE)


@pytest.mark.parametrize("sealed", [b"", b"plain text", b"\x02" + bytes(60), b"\x01" + bytes(31)])
def test_what_is_not_sealed_is_told(sealed):
    with pytest.raises(SecretsError, match="not a sealed secret"):
        vault(NEW).open(sealed, PLACE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no key"),
        ("# a comment only\n", "no key"),
        ("not base64!", "key 1 is not base64"),
        (f"{NEW},c2hvcnQ=", "key 2 has 5 bytes instead of 32"),
        (f"{NEW},{NEW}", "twice"),
    ],
    ids=["empty", "comment", "text", "short", "twice"],
)
def test_wrong_keys_are_told_by_their_place_only(text, why):
    with pytest.raises(SecretsError, match=why) as raised:
        read_keys(text)
    assert NEW not in str(raised.value)


def test_keys_may_stand_in_lines_with_comments_and_in_either_alphabet():
    standard = base64.b64encode(base64.urlsafe_b64decode(OLD)).decode()
    keys = read_keys(f"# sellstream's keys\n{NEW}  # of today\n\n{standard}\n")
    assert keys == read_keys(f"{NEW},{OLD}")


def test_keys_are_not_shown():
    (key,) = read_keys(NEW)
    assert NEW not in repr(key)
    assert repr(key.secret) not in repr(key)
    assert NEW not in repr(SecretsSettings(keys=NEW))


@pytest.fixture
def environment(monkeypatch):
    for name in ("SELLSTREAM_SECRETS_KEYS", "SELLSTREAM_SECRETS_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_a_key_it_is_said_what_to_set(environment):
    with pytest.raises(SecretsError, match=r"set SELLSTREAM_SECRETS_KEYS.*or SELLSTREAM_SECRETS_KEYS_FILE"):
        secrets_settings()


def test_a_key_file_is_read(environment, tmp_path):
    file = tmp_path / "keys"
    environment.setenv("SELLSTREAM_SECRETS_KEYS_FILE", str(file))
    with pytest.raises(SecretsError, match="is not there"):
        secrets_settings()
    file.write_text("rubbish!")
    with pytest.raises(SecretsError, match=r"keys: key 1 is not base64"):
        secrets_settings()
    file.write_text(f"{NEW}\n{OLD}\n")
    assert secrets_settings().vault.key_ids == vault(NEW, OLD).key_ids


def test_a_key_in_the_environment_goes_before_a_file(environment, tmp_path):
    environment.setenv("SELLSTREAM_SECRETS_KEYS_FILE", str(tmp_path / "none"))
    environment.setenv("SELLSTREAM_SECRETS_KEYS", NEW)
    assert secrets_settings().vault.key_ids == vault(NEW).key_ids
