"""Where an installation's keys are: made beside data of our own, never for somebody else's database."""

import stat

import pytest

from libs.secrets.keys import SecretsError, new_key
from libs.secrets.settings import KEYS, KEYS_FILE
from services.ops.secret_keys import key_environment, key_file, make_key_file, vault_of


def test_our_own_data_has_its_key_beside_it(tmp_path):
    assert key_environment({}, tmp_path, own=True) == {KEYS_FILE: str(tmp_path / "secrets.keys")}


def test_somebody_elses_database_needs_his_key(tmp_path):
    assert key_environment({}, tmp_path, own=False) == {}
    with pytest.raises(SecretsError, match="there is no key"):
        vault_of({}, tmp_path)


@pytest.mark.parametrize("named", [{KEYS: new_key()}, {KEYS_FILE: "/etc/sellstream/keys"}])
def test_a_named_key_stays(tmp_path, named):
    assert key_environment(named, tmp_path, own=True) == {}


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path):
    environ = key_environment({}, tmp_path / "state", own=True)
    file = key_file(tmp_path / "state")
    assert make_key_file(environ) == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert make_key_file(environ) is None
    assert file.read_text() == text
    assert vault_of({}, tmp_path / "state").key_ids
    assert list(file.parent.iterdir()) == [file]


def test_no_file_is_made_where_keys_are_in_the_environment(tmp_path):
    assert make_key_file({KEYS: new_key(), KEYS_FILE: str(tmp_path / "keys")}) is None
    assert not (tmp_path / "keys").exists()
