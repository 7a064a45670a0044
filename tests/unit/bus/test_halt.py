"""A consumer that fails nearly always stops filling the dead letters; one success starts it again."""

import asyncio

import pytest

from libs.bus.halt import AT_LEAST, Halt, Halted


def failing(halt: Halt, times: int) -> None:
    for _ in range(times):
        halt.note(failed=True)


def test_a_few_failures_do_not_halt() -> None:
    halt = Halt("test")
    failing(halt, AT_LEAST - 1)
    halt.check()


def test_nearly_only_failures_halt() -> None:
    halt = Halt("test")
    halt.note(failed=False)
    failing(halt, AT_LEAST)
    with pytest.raises(Halted, match="nearly everything fails"):
        halt.check()


def test_failures_among_successes_do_not_halt() -> None:
    halt = Halt("test")
    for _ in range(200):
        failing(halt, 4)
        halt.note(failed=False)
    halt.check()


async def test_a_success_ends_the_halt_and_frees_who_waits() -> None:
    halt = Halt("test")
    failing(halt, AT_LEAST)
    waiting = asyncio.create_task(halt.until_allowed())
    await asyncio.sleep(0)
    assert not waiting.done()
    halt.note(failed=False)
    await waiting
    halt.check()
