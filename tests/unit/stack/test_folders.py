"""Where data and downloads are kept."""

import stat
from pathlib import Path

import pytest

from libs.stack import StackError, cache_folder, state_folder
from libs.stack.folders import write_private
from libs.stack.locks import folder_lock, sole_holder, unused_folder


def test_the_state_folder_is_in_the_checkout_unless_named(tmp_path: Path) -> None:
    assert state_folder({}) == Path(__file__).resolve().parents[3] / ".state"
    assert state_folder({"SELLSTREAM_STATE_DIR": str(tmp_path / "here")}) == tmp_path / "here"


def test_the_cache_is_below_home(tmp_path: Path) -> None:
    cache = cache_folder({"HOME": str(tmp_path)}, tmp_path / "state")
    assert cache.path == tmp_path / ".cache" / "sellstream"
    assert cache.note is None


@pytest.mark.parametrize("home", ["", "/proc/nowhere", "/dev/null"])
def test_without_a_usable_home_the_cache_is_in_the_state_folder_and_says_so(home: str, tmp_path: Path) -> None:
    cache = cache_folder({"HOME": home}, tmp_path)
    assert cache.path == tmp_path / "cache"
    assert cache.note is not None
    assert str(cache.path) in cache.note


def test_a_named_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="Set SELLSTREAM_CACHE_DIR"):
        cache_folder({"SELLSTREAM_CACHE_DIR": str(tmp_path / "file" / "cache")}, tmp_path)


def test_private_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "password"
    write_private(target, "first")
    write_private(target, "second")
    assert target.read_text() == "second"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


async def test_a_second_start_waits_for_the_first_and_gives_up_with_a_sentence(tmp_path: Path) -> None:
    async with folder_lock(tmp_path):
        with pytest.raises(StackError, match="Another process has held"):
            async with folder_lock(tmp_path, timeout=0.2):
                pass
    async with folder_lock(tmp_path, timeout=0.2):
        pass


def test_runs_at_the_same_time_get_different_folders(tmp_path: Path) -> None:
    with unused_folder(tmp_path / "test") as first, unused_folder(tmp_path / "test") as second:
        assert (first.name, second.name) == ("test", "test-2")
    with unused_folder(tmp_path / "test") as again:
        assert again == first


def test_only_one_is_the_sole_holder(tmp_path: Path) -> None:
    with sole_holder(tmp_path / "lock") as first, sole_holder(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
