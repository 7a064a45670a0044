"""How a CPython was built, and which one the benchmarks run on: `python -m bench.python_build` prints its path.

With profile-guided optimisation (PGO) it is a fifth faster, ours and the peers' alike. Whoever runs sellstream from its
image has such a one (infra/Dockerfile), whoever compiled Python by hand mostly not: so the benchmarks' environment is
made with the first one of the same version that has it, and the table names it. Of the same version, because the
compiled modules (`libs/compiled.py`) are made for one.
"""

import json
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LOOK_SECONDS = 20
_LOOK = """
import json, sys, sysconfig, venv, ensurepip
print(json.dumps([list(sys.version_info[:2]), sysconfig.get_config_var("CONFIG_ARGS") or "", sys.base_prefix]))
"""
_DISTRIBUTIONS = {"debian", "ubuntu"}


class Build(NamedTuple):
    """`pgo` and `lto`: None where nothing tells."""

    pgo: bool | None
    lto: bool | None

    def __str__(self) -> str:
        if self.pgo is None:
            return "build options unknown"
        return f"built {'with' if self.pgo else 'without'} PGO, {'with' if self.lto else 'without'} LTO"


def build_of(arguments: str, prefix: str, distribution: str = "") -> Build:
    """How an interpreter was built. `arguments`: sysconfig's CONFIG_ARGS; `distribution`: os-release's ID.

    Debian and its children build with PGO and LTO, and keep that out of sysconfig (their package's changelog says so).
    """
    if prefix == "/usr" and distribution in _DISTRIBUTIONS:
        return Build(pgo=True, lto=True)
    if not arguments:
        return Build(None, None)
    return Build("--enable-optimizations" in arguments, "--with-lto" in arguments)


def own_build() -> Build:
    """How the interpreter that runs this was built."""
    return build_of(str(sysconfig.get_config_var("CONFIG_ARGS") or ""), sys.base_prefix, _distribution())


def choose(candidates: Iterator[Path], own: Path) -> Path:
    """The first of the candidates that is of our version, has venv and was built with PGO; else our own."""
    if own_build().pgo:
        return own
    for path in candidates:
        try:
            looked = subprocess.run([path, "-c", _LOOK], capture_output=True, timeout=_LOOK_SECONDS, check=True)  # noqa: S603
            version, arguments, prefix = json.loads(looked.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue  # not a Python that could be used
        if version == list(sys.version_info[:2]) and build_of(arguments, prefix, _distribution()).pgo:
            return path
    return own


def _candidates() -> Iterator[Path]:
    name = f"python3.{sys.version_info.minor}"
    for folder in (*os.get_exec_path(), "/usr/local/bin", "/usr/bin"):
        if os.access(path := Path(folder, name), os.X_OK):
            yield path


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["ID"]
    except OSError:
        return ""


if __name__ == "__main__":
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    print(choose(_candidates(), base if base.exists() else Path(sys.executable)))
