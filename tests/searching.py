"""Commands on search runs, for tests: small works whose results show what they were decided against."""

from typing import Any

from libs.commands.command import Command
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from schemas.search_runs.search_run_changed import SearchRunChangedV1, SearchRunStatus
from tests.facts import NOON


def key(number: int) -> str:
    return f"mercadolibre:{number}"


def run(number: int, query: str = "iphone 15", **changes: Any) -> SearchRunChangedV1:
    told: dict[str, Any] = {
        "marketplace": "mercadolibre",
        "search_run_id": number,
        "site_id": "MLM",
        "query_text": query,
        "status": SearchRunStatus.SUCCEEDED,
        "http_status": 200,
        "started_at": NOON,
        "finished_at": NOON,
        "updated_at": NOON,
    }
    return SearchRunChangedV1(**told | changes)


async def create(command: Command, query: str = "iphone 15") -> int:
    """A new run."""
    (number,) = await command.new_ids("search_runs", 1)
    await command.row(SEARCH_RUNS, key(number))
    command.record(SEARCH_RUNS, run(number, query), new_in="search_runs")
    return number


async def append(command: Command, number: int, word: str) -> str:
    """One more word in the run's query."""
    row = await command.row(SEARCH_RUNS, key(number))
    assert row is not None
    query = f"{row.query_text} {word}"
    command.record(SEARCH_RUNS, run(number, query))
    return query
