"""POST /mlSearchRuns, field for field as documented: runs, results and errors in the read model, and in the log."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.rebuild import Rebuild
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from tests.integration.running_mercadolibre_api import NO_KAFKA, Api, Told, mercadolibre_api
from tests.projecting import projecting, scalar

PATH = "/mlSearchRuns"
RESULT: dict[str, Any] = {
    "item_id": "MLM1234567890",
    "title": "iPhone 15 Pro Max",
    "price": 25999,
    "currency_id": "MXN",
    "condition": "new",
    "seller_id": 123456789,
    "raw_json": {"id": "MLM1234567890", "price": 25999.5},
}
SUCCEEDED: dict[str, Any] = {
    "action": 1,
    "site_id": "MLM",
    "query_text": "iphone 15",
    "domain_id": "MLM-CELLPHONES",
    "filters_json": {"offset": 0, "limit": 50},
    "status": "succeeded",
    "http_status": 200,
    "error_json": None,
    "started_at": "2026-01-26T19:00:00.000Z",
    "finished_at": "2026-01-26T19:00:02.100Z",
    "results": [RESULT],
}
FAILED: dict[str, Any] = {
    "action": 1,
    "site_id": "MLM",
    "query_text": "iphone 15",
    "domain_id": "MLM-CELLPHONES",
    "filters_json": {"offset": 0, "limit": 50},
    "status": "failed",
    "http_status": 403,
    "error_json": {"code": "PolicyAgent", "msg": "blocked by WAF", "x-policy-agent-block-code": "..."},
    "started_at": "2026-01-26T19:00:00.000Z",
    "finished_at": "2026-01-26T19:00:02.100Z",
}


@pytest.fixture
async def api(database: Database, kafka: KafkaSettings) -> AsyncIterator[Api]:
    async with mercadolibre_api(database.url, "http://127.0.0.1:9", kafka=kafka) as opened:
        yield opened


async def post(api: Api, *runs: dict[str, Any], **headers: str) -> Told:
    return await api.post(PATH, {"search_runs": runs}, **headers)


async def created(api: Api, run: dict[str, Any]) -> int:
    answer = await post(api, run)
    assert answer.status == 200, answer.text
    (result,) = answer.json["result"]
    assert result == {"value": result["value"], "msg": "success", "error": ""}
    return int(result["value"])


def refused(answer: Told, status: int, *words: str) -> None:
    assert answer.status == status, answer.text
    (result,) = answer.json["result"]
    assert (result["value"], result["msg"]) == ("", "error")
    for word in words:
        assert word in result["error"], result["error"]


async def view(database: Database, name: str, order: str = "1") -> list[dict[str, Any]]:
    async with database.connection() as connection:
        rows = await connection.fetch(f"SELECT * FROM mercadolibre.{name} ORDER BY {order}")
    return [
        {key: json.loads(value) if key.endswith("_json") and value else value for key, value in row.items()}
        for row in rows
    ]


async def test_a_run_with_its_results_is_kept_as_documented(api: Api, database: Database) -> None:
    number = await created(api, SUCCEEDED)
    (run,) = await view(database, "ml_search_runs")
    assert run["id"] == number
    for column in ("site_id", "query_text", "domain_id", "filters_json", "status", "http_status", "error_json"):
        assert run[column] == SUCCEEDED[column], column
    assert run["started_at"].isoformat() == "2026-01-26T19:00:00+00:00"
    assert run["finished_at"].isoformat() == "2026-01-26T19:00:02.100000+00:00"
    (result,) = await view(database, "ml_search_results")
    assert result["search_run_id"] == number
    for column in ("item_id", "title", "currency_id", "condition", "seller_id"):
        assert result[column] == RESULT[column], column
    assert result["price"] == Decimal(25999)
    assert result["raw_json"] == {"id": "MLM1234567890", "price": "25999.5"}, (
        "a number with a fraction is kept as a text"
    )


async def test_every_documented_field_of_a_result_is_kept(api: Api, database: Database) -> None:
    whole = RESULT | {
        "site_id": "MLM",
        "subtitle": "256 GB",
        "base_price": "27999.90",
        "listing_type_id": "gold_special",
        "category_id": "MLM1055",
        "domain_id": "MLM-CELLPHONES",
        "permalink": "https://articulo.mercadolibre.com.mx/MLM-1234567890",
        "thumbnail": "https://http2.mlstatic.com/D_1.jpg",
        "seller_nickname": "TIENDA",
        "accepts_mercadopago": True,
        "pictures_count": 4,
    }
    await created(api, SUCCEEDED | {"action": "1", "category_id": "MLM1051", "results": [whole]})
    (run,) = await view(database, "ml_search_runs")
    assert run["category_id"] == "MLM1051"
    (result,) = await view(database, "ml_search_results")
    exact = {"price": Decimal(25999), "base_price": Decimal("27999.90"), "raw_json": result["raw_json"]}
    assert {name: result[name] for name in whole} == whole | exact


async def test_a_failed_run_keeps_its_error_whatever_comes(api: Api, database: Database) -> None:
    number = await created(api, FAILED)
    (run,) = await view(database, "ml_search_runs")
    assert (run["status"], run["http_status"], run["error_json"]) == ("failed", 403, FAILED["error_json"])
    refused(await post(api, {**FAILED, "error_json": None}), 400, "error_json is required of a failed run")
    changes: tuple[dict[str, Any], ...] = (
        {"error_json": None},
        {"error_json": {}},
        {"status": "failed"},
        {"http_status": 429},
    )
    for change in changes:
        assert (await post(api, {"action": 2, "search_run_id": number, **change})).status == 200
    (run,) = await view(database, "ml_search_runs")
    assert (run["status"], run["http_status"], run["error_json"]) == ("failed", 429, FAILED["error_json"])


async def test_an_item_stands_in_a_run_once(api: Api, database: Database) -> None:
    number = await created(
        api, SUCCEEDED | {"results": [RESULT, RESULT | {"title": "again"}, RESULT | {"item_id": "MLM2"}]}
    )
    more = [RESULT | {"title": "later"}, RESULT | {"item_id": "MLM3"}]
    assert (await post(api, {"action": "2", "id": number, "results": more})).status == 200
    found = await view(database, "ml_search_results", "position")
    assert [(one["item_id"], one["title"]) for one in found] == [
        ("MLM1234567890", "iPhone 15 Pro Max"),
        ("MLM2", "iPhone 15 Pro Max"),
        ("MLM3", "iPhone 15 Pro Max"),
    ]


async def test_an_update_changes_what_it_names(api: Api, database: Database) -> None:
    number = await created(api, SUCCEEDED)
    before = (await view(database, "ml_search_runs"))[0]
    answer = await post(
        api, {"action": 2, "search_run_id": number, "query_text": "iphone 16", "filters_json": '{"a": 1}'}
    )
    assert answer.json == {"result": [{"value": str(number), "msg": "success", "error": ""}]}
    (after,) = await view(database, "ml_search_runs")
    changed = {"query_text": "iphone 16", "filters_json": {"a": 1}, "updated_at": after["updated_at"]}
    assert after == before | changed
    assert after["updated_at"] > before["updated_at"]


async def test_a_deleted_run_is_gone_with_its_results(api: Api, database: Database) -> None:
    number = await created(api, SUCCEEDED)
    answer = await post(api, {"action": 3, "search_run_id": number})
    assert answer.json == {"result": [{"value": "", "msg": "success", "error": ""}]}
    assert await view(database, "ml_search_runs") == await view(database, "ml_search_results") == []
    refused(await post(api, {"action": 3, "search_run_id": number}), 400, f"there is no search run {number}")
    refused(await post(api, {"action": 2, "search_run_id": number, "status": "failed"}), 400, "there is no search run")
    assert await created(api, SUCCEEDED) != number


async def test_several_operations_are_carried_out_all_or_none(api: Api, database: Database) -> None:
    answer = await post(api, SUCCEEDED, FAILED)
    numbers = [int(one["value"]) for one in answer.json["result"]]
    refused(await post(api, SUCCEEDED, {"action": 3, "search_run_id": numbers[0]}, {"action": 3, "id": 99}), 400, "99")
    assert [run["id"] for run in await view(database, "ml_search_runs")] == numbers


WRONG: list[tuple[Any, tuple[str, ...]]] = [
    ("{", ("not JSON",)),
    ("[]", ("dictionary",)),
    ({"search_runs": []}, ("search_runs", "at least 1")),
    ({"search_runs": [SUCCEEDED | {"action": 4}]}, ("search_runs[0]", "action must be 1 (create)")),
    ({"search_runs": [SUCCEEDED | {"site_id": "../MLM"}]}, ("search_runs[0].site_id",)),
    ({"search_runs": [SUCCEEDED | {"status": "done"}]}, ("search_runs[0].status", "succeeded")),
    ({"search_runs": [SUCCEEDED | {"started_at": "2026-01-26T19:00:00"}]}, ("started_at", "offset from UTC")),
    ({"search_runs": [SUCCEEDED | {"results": None}]}, ("results are required",)),
    ({"search_runs": [SUCCEEDED | {"results": [{"title": "x"}]}]}, ("search_runs[0].results[0].item_id",)),
    ({"search_runs": [SUCCEEDED | {"results": [RESULT | {"seller_id": 2**63}]}]}, ("results[0].seller_id",)),
    ({"search_runs": [SUCCEEDED | {"query_text": "\ud800"}]}, ("surrogate",)),
    ({"search_runs": [{"action": 2}]}, ("search_runs[0].search_run_id",)),
]


async def test_what_is_wrong_is_told_by_its_place(api: Api, database: Database) -> None:
    for body, words in WRONG:
        refused(await api.post(PATH, body), 400, *words)
    assert await scalar(database, "SELECT count(*) FROM read_models.search_runs") == 0


async def test_the_same_request_under_its_key_is_done_once(api: Api, database: Database) -> None:
    first = await post(api, SUCCEEDED, Idempotency_Key="k-1")
    again = await post(api, SUCCEEDED, Idempotency_Key="k-1")
    assert (again.status, again.json) == (first.status, first.json)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await view(database, "ml_search_runs")) == 1
    refused(await post(api, FAILED, Idempotency_Key="k-1"), 422, "another request")


async def test_numbers_beyond_every_reader_and_hostile_text_are_kept(
    api: Api, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    hostile = {"big": 2**70, "nul": "a\0b", "deep": [[[1.5, None]]], "": "😀"}
    await created(api, SUCCEEDED | {"results": [RESULT | {"raw_json": hostile}], "query_text": "a\0b"})
    (result,) = await view(database, "ml_search_results")
    assert result["raw_json"] == {"big": str(2**70), "nul": "a\ufffdb", "deep": [[["1.5", None]]], "": "😀"}
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        assert (await Rebuild(SEARCH_RUNS, kafka, database).verify()).equal


async def test_the_worker_s_key_is_asked_for_where_one_is_set(database: Database, kafka: KafkaSettings) -> None:
    key = "a key of sixteen or more"
    async with mercadolibre_api(database.url, "http://127.0.0.1:9", kafka=kafka, worker_key=key) as api:
        refused(await post(api, SUCCEEDED), 401, "X-Worker-Key")
        assert (await post(api, SUCCEEDED, X_Worker_Key=key)).status == 200


async def test_without_kafka_nothing_is_changed_and_the_answer_says_when_to_come_back(database: Database) -> None:
    async with mercadolibre_api(database.url, "http://127.0.0.1:9", kafka=NO_KAFKA) as api:
        answer = await post(api, SUCCEEDED)
    refused(answer, 503)
    assert answer.headers["Retry-After"] == "2"
    assert await view(database, "ml_search_runs") == []
