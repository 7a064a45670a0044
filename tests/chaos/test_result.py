"""Results are kept line by line: told of while a run goes on, taken up again, counted at its end."""

from pathlib import Path

from tests.chaos.plan import Action, plan
from tests.chaos.result import Report, Result, append, read, sources, tally

PASSED = Result(1, "passed", "single", 12.5, (), {"SIGKILL: projector": 2, "rebuild": 1}, "3 deliveries")
FAILED = Result(2, "failed", "single", 70.0, ("acknowledged, but not in the topic",), {"rebuild": 1}, "", "/somewhere")


def test_what_is_kept_is_read_again_up_to_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert read(path) == []
    for result in (PASSED, FAILED):
        append(path, result)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"seed": 3, "outco')  # it is just being written
    assert read(path) == [PASSED, FAILED]


def test_a_report_names_what_failed_and_how_to_repeat_it() -> None:
    told = str(Report([PASSED, FAILED], 83))
    assert "1 scenarios passed, 1 failed, 0 skipped in 83 s." in told
    assert "FAILED 2: make chaos SEED=2   logs: /somewhere" in told
    assert "acknowledged, but not in the topic" in told


def test_faults_are_counted_over_all_scenarios() -> None:
    told = tally([PASSED, FAILED])
    assert "SIGKILL: projector      2 times in   1 scenarios" in told
    assert "rebuild                 2 times in   2 scenarios" in told


def test_every_action_has_a_name_to_be_counted_by() -> None:
    names = {action.fault for seed in range(1, 201) for action in plan(seed).actions}
    assert len(names) > 60
    assert Action(0, "service clock", "projector", 1, (("by", -90),)).fault == "clock jumps back: projector"


def test_other_code_is_other_sources() -> None:
    assert sources() == sources()
    assert len(sources()) == 16
