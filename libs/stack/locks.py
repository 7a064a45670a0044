"""A lock between processes, so that parallel first starts wait for one another."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from libs.stack.errors import StackError


@asynccontextmanager
async def folder_lock(folder: Path, *, timeout: float = 180) -> AsyncIterator[None]:  # noqa: ASYNC109 - part of the error's text
    """Hold `folder/.lock`; the operating system frees it when the holder dies.

    Raises StackError after `timeout` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a moment's work
    deadline = asyncio.get_running_loop().time() + timeout
    with (folder / ".lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise StackError(
                        f"Another process has held {file.name} for {timeout:.0f} s. "
                        "Wait for the start it is doing, or end that process, and try again."
                    ) from error
                await asyncio.sleep(0.1)
        yield


@contextmanager
def sole_holder(path: Path) -> Iterator[bool]:
    """Whether this program is the only one that holds `path`; if so, it holds it until the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def unused_folder(base: Path) -> Iterator[Path]:
    """The first of `base`, `base-2`, `base-3`, … that no other program holds by this function; held until the end."""
    number = 1
    while True:
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        with sole_holder(folder / ".in-use") as held:
            if held:
                yield folder
                return
        number += 1
