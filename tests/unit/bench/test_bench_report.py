"""Results: the ratios' keys, what is left out, and the page."""

import json
from pathlib import Path

import pytest

from bench.report import GOALS, goal_met, markdown, p99_rows
from bench.results import Results, Round, Runner


def _gateway(cpu: list[float]) -> list[Round]:
    return [Round({"gateway_cpu_us_per_request": one, "requests_per_s": 1e6 / one}) for one in cpu]


def _results() -> Results:
    return Results(
        machine={"CPU": "one | two"},
        settings={"size": "tiny"},
        gateway={
            "ours": Runner("ours", "1", rounds=_gateway([30, 40])),
            "go_franz": Runner("Go", "2", rounds=_gateway([60, 80])),
            "fastapi": Runner("FastAPI", "3", rounds=[Round(problem="2 deliveries are missing")]),
            "nginx_lua": Runner("nginx", skipped="there is none"),
        },
        projector={
            "ours": Runner("ours", rounds=[Round({"events_per_s": 900.0, "total_cpu_s_per_million": 9.0})]),
            "naive": Runner("naive", rounds=[Round({"events_per_s": 10.0, "total_cpu_s_per_million": 90.0})]),
            "limit": Runner(
                "limit", rounds=[Round({"total_cpu_s_per_million": 6.0, "read_process_cpu_s_per_million": 2})]
            ),
        },
        jobs={
            "ours": Runner("ours", rounds=[Round({"jobs_per_s": 5000.0, "total_cpu_us_per_job": 40.0})]),
            "pgqueuer": Runner("pgqueuer", rounds=[Round({"jobs_per_s": 2000.0, "total_cpu_us_per_job": 80.0})]),
            "procrastinate": Runner("procrastinate", skipped="it is not installed"),
        },
    )


def test_p99_is_compared_with_each_peer_round_by_round() -> None:
    def runner(title: str, *p99: float | None) -> Runner:
        return Runner(title, rounds=[Round({"closed_p99_ms": one}) for one in p99])

    gateway = {
        "ours": runner("ours", 8.0, 20.0, 9.0),
        "slower": runner("slower", 16.0, 40.0, 6.0),
        "faster": runner("faster", 4.0, 10.0, 8.0),
        "unlike": runner("unlike", 4.0, 40.0, 8.0),
        "equal": runner("equal", 8.0, None, 9.0),
        "skipped": Runner("skipped", skipped="there is none"),
    }
    assert p99_rows(gateway) == [
        ["slower", "0.50 (0.50 to 1.50): no worse", "–"],
        ["faster", "2.00 (1.12 to 2.00): worse", "–"],
        ["unlike", "1.12 (0.50 to 2.00): rounds disagree", "–"],
        ["equal", "1.00 (1.00 to 1.00): no worse", "–"],
    ]
    assert p99_rows(_results().gateway) == []
    assert p99_rows({"slower": gateway["slower"]}) == []
    page = markdown(Results(machine={}, settings={}, gateway=gateway), "")
    assert "| faster | 2.00 (1.12 to 2.00): worse | – |" in page


def test_ratios_have_the_keys_that_are_asked_for_and_null_where_a_peer_was_skipped(tmp_path: Path) -> None:
    _results().write(tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert written["ratios"] == {
        "gateway_cpu_vs_fastapi": None,
        "gateway_cpu_vs_aiokafka_naive": None,
        "gateway_cpu_vs_go_franz": 0.5,
        "gateway_cpu_vs_nginx_lua": None,
        "rebuild_speed_vs_naive": 90.0,
        "rebuild_speed_vs_debezium_jdbc": None,
        "rebuild_speed_vs_eventsourcing": None,
        "rebuild_speed_vs_faust": None,
        "rebuild_cpu_vs_limit": 1.5,
        "jobs_speed_vs_pgqueuer": 2.5,
        "jobs_speed_vs_procrastinate": None,
        "jobs_fleet_speed_vs_pgqueuer": None,
        "jobs_fleet_speed_vs_procrastinate": None,
        "jobs_cpu_vs_pgqueuer": 0.5,
        "jobs_cpu_vs_procrastinate": None,
    }
    assert written["raw"]["gateway"]["nginx_lua"]["skipped"] == "there is none"
    assert written["raw"]["gateway"]["fastapi"]["rounds"][0]["problem"] == "2 deliveries are missing"


def test_every_ratio_has_a_goal() -> None:
    assert list(GOALS) == list(_results().ratios())


@pytest.mark.parametrize(
    ("key", "ratio", "met"),
    [
        ("gateway_cpu_vs_go_franz", 1.0, True),
        ("gateway_cpu_vs_go_franz", 1.01, False),
        ("rebuild_speed_vs_naive", 40.0, True),
        ("rebuild_speed_vs_naive", 39.9, False),
    ],
)
def test_a_goal_is_a_bound_in_its_own_direction(key: str, ratio: float, met: bool) -> None:
    assert goal_met(key, ratio) is met


def test_the_page_tells_figures_skips_and_invalid_rounds() -> None:
    page = markdown(_results(), "## How it is measured\n")
    assert "| **ours** | 35.0 | – |" in page
    assert "- nginx: skipped: there is none." in page
    assert "1 of 1 rounds invalid: 2 deliveries are missing" in page
    assert "| `gateway_cpu_vs_go_franz` | 0.50 | ≤ 1.0 | met |" in page
    assert "| `gateway_cpu_vs_nginx_lua` | null | ≤ 1.0 |  |" in page
    assert "| CPU | one / two |" in page
    assert "| read (librdkafka) | 2.00 | – |" in page
    assert page.endswith("## How it is measured\n")
