"""The short form of `make chaos`: a few seeds on one system, in every run of the tests."""

import os
from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign

SEEDS = os.environ.get("SELLSTREAM_CHAOS_SEEDS", "69,37")
"""A frozen broker, the gateway killed with deliveries in its spool, poison; then a flapping network, a replica that is
killed, a frozen PostgreSQL.
"""


@pytest.mark.timeout(300)
async def test_a_few_scenarios_break_no_promise(tmp_path: Path) -> None:
    story: list[str] = []
    report = await Campaign(tmp_path, story.append).run(int(seed) for seed in SEEDS.split(","))
    assert not report.failed, "\n".join([*story, str(report)])
    assert report.passed, str(report)
