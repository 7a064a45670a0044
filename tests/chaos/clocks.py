"""Services whose wall clocks can be moved while they run: a small library before their libc (`clock.c`), where there is
a C compiler to make it. Nothing else on the machine sees another time.
"""

import asyncio
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")
_NANOSECONDS = struct.Struct("q")


class Clocks:
    """One file for each service, which says by how much its clock is moved. Without a compiler none can be."""

    def __init__(self, library: Path | None, files: Mapping[str, Path]) -> None:
        self._library = library
        self._files = files

    @classmethod
    async def build(cls, folder: Path, services: tuple[str, ...]) -> "Clocks":
        """Compile the library into `folder`; raises RuntimeError where the compiler refuses."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / f"{name}.offset" for name in services}
        for file in files.values():
            file.write_bytes(_NANOSECONDS.pack(0))
        compiler = shutil.which("cc")
        if compiler is None:
            return cls(None, files)
        library = folder / "clock.so"
        process = await asyncio.create_subprocess_exec(
            compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{_SOURCE} could not be compiled: {output.decode(errors='replace')}")
        return cls(library, files)

    @property
    def movable(self) -> bool:
        return self._library is not None

    def environment(self, service: str) -> dict[str, str]:
        """What a service's process is started with."""
        if self._library is None or service not in self._files:
            return {}
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._files[service])}

    def move(self, service: str, seconds: float) -> None:
        """Set how far a service's clock is from the true one; 0: it is right again. At once, also while it runs."""
        with self._files[service].open("r+b") as file:  # the bytes that are mapped, not a new file
            file.write(_NANOSECONDS.pack(int(seconds * 1e9)))
