"""Compiles the modules of `libs/compiled.py` with mypyc; where that cannot be done, they run as they stand.

`SELLSTREAM_COMPILE=0` leaves that out (and removes nothing). All the rest of the build is in pyproject.toml.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).resolve().parent))

from libs.compiled import MODULES, remove, stamp

_DIRECT_CALLS = [] if sys.platform == "win32" else ["-fvisibility=hidden", "-fno-plt"]
"""Nothing outside the one library calls its functions by their names: told so, the compiler need not look them up at
each call, and may put the small ones in their callers."""


class BuildAllOrNothing(build_ext):
    """A part of the modules compiled would not run: they share one library."""

    def run(self) -> None:
        try:
            super().run()
            stamp()
        except Exception as error:  # noqa: BLE001  (whatever is wrong with a compiler must not end an installation)
            _interpreted(error)
            self.extensions = []


def extensions() -> list[Extension]:
    """One for each module, and the library; none where mypyc is missing or the types do not hold."""
    if os.environ.get("SELLSTREAM_COMPILE") == "0" or {"dist_info", "egg_info"} & set(sys.argv):
        return []
    try:
        from mypyc.build import mypycify  # noqa: PLC0415  (it may be missing)

        built: list[Extension] = mypycify([*MODULES], opt_level="3", debug_level="0", group_name="sellstream")
    except (Exception, SystemExit) as error:  # noqa: BLE001  (mypyc exits where it finds something wrong)
        _interpreted(error)
        return []
    for extension in built:
        extension.extra_compile_args += _DIRECT_CALLS
    return built


def _interpreted(error: BaseException) -> None:
    remove()
    print(f"sellstream: the hot paths run interpreted, not compiled: {error}", file=sys.stderr)


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildAllOrNothing})
