"""The benchmarks run on a Python that was built with PGO where there is one, and say on which they ran."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import python_build
from bench.python_build import build_of, choose

OWN = Path("/opt/own/bin/python3")
MINOR = sys.version_info.minor


@pytest.mark.parametrize(
    ("arguments", "prefix", "distribution", "told"),
    [
        ("'--enable-optimizations' '--with-lto'", "/opt", "", "built with PGO, with LTO"),
        ("'--enable-optimizations'", "/usr/local", "debian", "built with PGO, without LTO"),
        ("'--enable-shared'", "/opt", "debian", "built without PGO, without LTO"),
        ("'--enable-shared' '--prefix=/usr'", "/usr", "debian", "built with PGO, with LTO"),
        ("'--prefix=/usr'", "/usr", "gentoo", "built without PGO, without LTO"),
        ("", "/opt", "", "build options unknown"),
    ],
)
def test_the_build_is_named(arguments: str, prefix: str, distribution: str, told: str) -> None:
    assert str(build_of(arguments, prefix, distribution)) == told


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str, list[object]], Path]:
    """Makes a program that tells of itself what a Python would."""

    def make(name: str, told: list[object]) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{json.dumps(told)}'\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(autouse=True)
def hand_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_build, "own_build", lambda: build_of("'--enable-shared'", "/opt/own"))


def test_the_first_of_our_version_with_pgo_is_chosen(python: Callable[[str, list[object]], Path]) -> None:
    plain = python("plain", [[3, MINOR], "'--enable-shared'", "/opt/plain"])
    newer = python("newer", [[3, MINOR + 1], "'--enable-optimizations'", "/opt/newer"])
    fast = python("fast", [[3, MINOR], "'--enable-optimizations'", "/opt/fast"])
    faster = python("faster", [[3, MINOR], "'--enable-optimizations' '--with-lto'", "/opt/faster"])
    assert choose(iter([plain, newer, fast, faster]), OWN) == fast


def test_without_one_our_own_stays(python: Callable[[str, list[object]], Path], tmp_path: Path) -> None:
    plain = python("plain", [[3, MINOR], "", "/opt/plain"])
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    chatty = python("chatty", [])
    assert choose(iter([plain, broken, chatty, tmp_path / "gone"]), OWN) == OWN


def test_our_own_stays_where_it_was_built_with_pgo(
    python: Callable[[str, list[object]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_build, "own_build", lambda: build_of("'--enable-optimizations'", "/opt/own"))
    fast = python("fast", [[3, MINOR], "'--enable-optimizations'", "/opt/fast"])
    assert choose(iter([fast]), OWN) == OWN
