"""The endurance run's figures: kept, told, and put into the page once."""

from dataclasses import replace
from pathlib import Path

from bench.endurance.findings import Findings, Minute, table, with_section
from bench.endurance.scale import EnduranceScale
from bench.statistics import percentile_of

FOUND = Findings(
    {"CPU": "two cores"}, 3000, 1500, 267_144, 100 * 2**20, 101 * 2**20, 42.5, 900_000, None,
    [
        Minute(1, 90_000, 0, 2.1, 9.8, 55, 100 * 2**20, 0),
        Minute(2, 90_000, 3, 2.2, 61, 230, 101 * 2**20, 7, "a broker killed"),
    ],
)  # fmt: skip
PAGE = "# Benchmarks\n\n## Gateway\n\ntext\n\n## How it is measured\n\nmore\n"


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    FOUND.write(tmp_path / "endurance.json")
    assert Findings.read(tmp_path / "endurance.json") == FOUND
    assert FOUND.growth == 1.01


def test_the_table_says_what_was_found() -> None:
    told = table(FOUND)
    assert "| 2 | 90,000 | 3 | 2.2 | 61.0 | 230 | 101.0 | 7 | a broker killed |" in told
    assert "All 900,000 deliveries answered 2xx are in the topic exactly once." in told
    assert "- Goals: 3 requests were not answered 2xx." in told


def test_each_goal_can_be_missed() -> None:
    calm = replace(FOUND, minutes=FOUND.minutes[:1])
    assert calm.missed == []
    assert "p99 is 100.0 ms" in replace(calm, p99_ms=100.0).missed[0]
    assert "memory grew × 1.26" in replace(calm, rss_end_bytes=126 * 2**20).missed[0]
    assert replace(calm, difference="one is there twice").missed == ["one is there twice"]


def test_the_page_has_the_section_once_whatever_stands_around_it() -> None:
    once = with_section(PAGE, table(FOUND))
    assert once.count("## Endurance\n") == 1
    assert with_section(once, table(FOUND)) == once
    middle = once + "\n## Behind\n\nend\n"
    again = with_section(middle, table(FOUND))
    assert again.count("## Endurance\n") == 1
    assert again.endswith("## Behind\n\nend\n")


def test_the_percentile_is_over_all_minutes_and_a_broker_dies_in_the_middle() -> None:
    assert percentile_of([[1.0] * 99, [5.0]], 99) == 1.0
    assert EnduranceScale.lasting(10).dying_segment == 5
    assert EnduranceScale.lasting(1).dying_segment == 0
