"""What every test may ask for: a running stack, started once and only when a test asks."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import settings

from libs import compiled
from libs.stack import Endpoints, choose_stack, state_folder
from libs.stack.locks import unused_folder

# No test asserts a time, and a property on a busy machine is no exception.
settings.register_profile("sellstream", deadline=None)
settings.load_profile("sellstream")

_MOST_WORKERS = 6  # each has a Kafka of half a gigabyte of its own


def pytest_configure() -> None:
    """Ctrl-C ends the programs that tests start, also where the run itself does not hear it.

    A shell starts what it puts into the background with SIGINT ignored, and every child would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`pytest -n auto` (that is `make test`): a worker for each core, and two at least, for tests often wait."""
    if told := os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return int(told)
    return max(2, min(os.cpu_count() or 1, _MOST_WORKERS))


def pytest_sessionstart() -> None:
    """A test of the sources must not run what was compiled from other ones."""
    if compiled.state() == "stale":
        pytest.exit(f"{compiled.told()} Run `make setup`, or: python -c 'from libs.compiled import remove; remove()'")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Endpoints]:
    """Kafka and PostgreSQL: external if the environment names them, else containers, else embedded in `.state/test`.

    Test runs at the same time, and the workers of one run, get a folder each (`.state/test-2`, …), so that none stops
    the servers of another.
    The data outlives the run, so that the second start is quick: a test names its topics, groups, databases or schemas
    with something of its own (a random prefix), and never counts on an empty server.
    """
    with unused_folder(state_folder(os.environ) / "test") as folder:
        async with choose_stack(os.environ, folder, durable=False) as endpoints:
            yield endpoints
