"""Nothing is counted as done that was not: commands that fail, and injections that had nothing to start from."""

from typing import cast

import pytest

from tests.chaos.actions import DIFFERENT, Doer
from tests.chaos.gather import Log
from tests.chaos.plan import Action, Plan, Traffic
from tests.chaos.system import ChaosSystem

REBUILD = Action(0.01, "rebuild", "orders")


class Answers:
    """A system and its log: every command ends with this status and output, and every topic is empty."""

    def __init__(self, status: int, output: str = "") -> None:
        self._answer = status, output
        self.records: dict[str, list[object]] = {"claims": []}
        self.stack = self
        self.bootstrap_servers = ""

    async def command(self, *_arguments: str, kill_after: float) -> tuple[int, str]:
        return self._answer


def doer(answers: Answers, *actions: Action) -> Doer:
    plan = Plan(1, "single", Traffic(1, 0, 0, 0), actions)
    return Doer(cast(ChaosSystem, answers), plan, cast(Log, answers), {})


async def test_a_rebuild_is_counted_by_what_came_of_it() -> None:
    one = doer(Answers(0, "Swapped: read_models.orders"), REBUILD)
    await one.do()
    assert one.done == {"rebuild, done": 1}
    one = doer(Answers(-9), Action(0, "rebuild", "orders", 1.0))
    await one.do()
    assert one.done == {"rebuild, killed on its way": 1}


@pytest.mark.parametrize("target", ["rebuild", "replay"])
async def test_a_command_that_fails_in_peace_fails_the_scenario(target: str) -> None:
    for answer in (Answers(1, "no such thing"), Answers(0, "nothing to do"), Answers(-9)):
        with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="exit status")):
            await doer(answer, Action(0, target, "orders")).do()


async def test_a_command_may_fail_in_an_outage_and_says_so() -> None:
    one = doer(Answers(1), REBUILD)
    one.outage_begins()
    await one.do()
    one.outage_ends()
    await one.do()
    assert one.done == {"rebuild, failed in an outage": 2}


async def test_no_outage_excuses_another_table() -> None:
    one = doer(Answers(DIFFERENT, "Not swapped."), REBUILD)
    one.outage_begins()
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="Not swapped")):
        await one.do()


async def test_an_injection_without_a_record_to_start_from_fails_the_scenario() -> None:
    one = doer(Answers(0), Action(0, "inject", "claims", details=(("what", "copy"),)))
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="no record of claims")):
        await one.do()
    assert not one.done
