"""POST /mlJobs, field for field as documented (mission, "MercadoLibre Jobs Queue")."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from libs.db.pool import Database
from libs.http.openapi import Api
from libs.http.server import Health, prepare_application
from libs.jobs import JobQueue
from services.mercadolibre_api import jobs_routes
from tests.integration.jobs import open_queue, row, run_out

KEY = "a-worker-key-of-tests"
PAYLOAD = {
    "site_id": "MLM",
    "query_text": "iphone 15",
    "category_id": "MLM1051",
    "filters_json": {"offset": 0, "limit": 50},
}
BLOCKED = {"http_status": 403, "code": "PolicyAgent", "msg": "blocked"}
ENQUEUE = {
    "action": 1,
    "job_type": "search",
    "payload_json": PAYLOAD,
    "priority": 100,
    "available_in_seconds": 0,
    "max_attempts": 6,
}
DEQUEUE = {"action": 4, "locked_by": "ml_worker_01", "lock_seconds": 120}

Client = TestClient[web.Request, web.Application]


def application(queue: JobQueue, key: str | None = None) -> web.Application:
    routes = jobs_routes.routes(queue, SecretStr(key) if key else None)
    app = web.Application()
    Api("mercadolibre_api", "0", "", routes=routes).add_to(app)
    prepare_application(app, "mercadolibre_api", Health({}))
    return app


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[JobQueue]:
    async with open_queue(database_url) as opened:
        yield opened


@pytest.fixture
async def client(queue: JobQueue) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(queue))) as opened:
        yield opened


async def post(client: Client, *operations: dict[str, Any], status: int = 200) -> Any:
    async with client.post("/mlJobs", json={"jobs": list(operations)}) as answer:
        assert answer.status == status, await answer.text()
        body = await answer.json()
    assert list(body) == ["result"]
    return body["result"]


async def enqueued(client: Client, **changed: Any) -> int:
    (result,) = await post(client, {**ENQUEUE, **changed})
    return int(result["value"])


async def refused(client: Client, *operations: dict[str, Any], status: int = 400) -> str:
    (result,) = await post(client, *operations, status=status)
    assert (result["value"], result["msg"]) == ("", "error")
    return str(result["error"])


def update(job_id: int, status: str, **more: Any) -> dict[str, Any]:
    return {"action": 2, "job_id": job_id, "status": status, "last_error": None, "unlock": True, **more}


async def test_enqueue_and_dequeue_as_documented(client: Client) -> None:
    (made,) = await post(client, ENQUEUE)
    assert re.fullmatch(r"[0-9]+", made["value"])
    assert made == {"value": made["value"], "msg": "success", "error": ""}
    began = datetime.now(UTC)
    (job,) = await post(client, DEQUEUE)
    until = job.pop("locked_until")
    assert job == {
        "job_id": int(made["value"]),
        "job_type": "search",
        "payload_json": PAYLOAD,
        "attempts": 0,
        "max_attempts": 6,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", until)
    assert timedelta(seconds=110) < datetime.fromisoformat(until) - began < timedelta(seconds=130)


async def test_an_empty_queue_answers_nothing(client: Client) -> None:
    assert await post(client, DEQUEUE) == []


async def test_actions_are_numbers_or_texts_and_defaults_are_the_documented_ones(
    client: Client, queue: JobQueue
) -> None:
    (made,) = await post(client, {"action": "1", "job_type": "enrich", "payload_json": json.dumps({"item_id": "MLM1"})})
    found = await row(queue, int(made["value"]))
    assert (found["priority"], found["max_attempts"], found["attempts"], found["status"]) == (100, 6, 0, "pending")
    assert found["available_at"] == found["created_at"]
    (job,) = await post(client, {"action": "4", "locked_by": "w"})
    assert job["payload_json"] == {"item_id": "MLM1"}
    (done,) = await post(client, {"action": "2", "job_id": made["value"], "status": "succeeded", "unlock": True})
    assert done == {"value": made["value"], "msg": "success", "error": ""}


async def test_lower_priority_numbers_go_first_and_delayed_ones_wait(client: Client) -> None:
    await enqueued(client, priority=1, available_in_seconds=600)
    second, first = await enqueued(client, priority=50), await enqueued(client, priority=10)
    jobs = [(await post(client, {**DEQUEUE, "locked_by": f"w{n}"})) for n in range(3)]
    assert [[job["job_id"] for job in found] for found in jobs] == [[first], [second], []]


async def test_succeeded(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client)
    await post(client, DEQUEUE)
    assert await post(client, update(job_id, "succeeded")) == [{"value": str(job_id), "msg": "success", "error": ""}]
    found = await row(queue, job_id)
    assert (found["status"], found["locked_by"], found["locked_until"], found["attempts"]) == (
        "succeeded", None, None, 0,
    )  # fmt: skip
    await post(client, update(job_id, "succeeded"))  # a repetition
    assert await refused(client, update(job_id, "retry")) == f"job {job_id} has ended before: succeeded"


async def test_retry_with_backoff(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client)
    await post(client, DEQUEUE)
    await post(client, update(job_id, "retry", last_error=BLOCKED, backoff_seconds=300))
    found = await row(queue, job_id)
    assert (found["status"], found["attempts"], found["locked_by"], found["locked_until"]) == ("retry", 1, None, None)
    assert json.loads(found["last_error"]) == BLOCKED
    assert found["available_at"] - found["updated_at"] == timedelta(seconds=300)
    assert await post(client, DEQUEUE) == []


async def test_a_retry_without_backoff_waits_as_the_worker_would(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client)
    await post(client, DEQUEUE)
    await post(client, update(job_id, "retry", last_error=BLOCKED))
    found = await row(queue, job_id)
    assert 42 <= (found["available_at"] - found["updated_at"]).total_seconds() <= 78


async def test_the_last_retry_is_a_permanent_failure(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client, max_attempts=2)
    for attempts, status in ((1, "retry"), (2, "failed_permanent")):
        await post(client, DEQUEUE)
        await post(client, update(job_id, "retry", backoff_seconds=0))
        found = await row(queue, job_id)
        assert (found["attempts"], found["status"]) == (attempts, status)


async def test_failed_permanent(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client)
    await post(client, DEQUEUE)
    await post(client, update(job_id, "failed_permanent", last_error=BLOCKED))
    found = await row(queue, job_id)
    assert (found["status"], found["attempts"], json.loads(found["last_error"])) == ("failed_permanent", 1, BLOCKED)
    assert await post(client, DEQUEUE) == []


async def test_a_lock_is_its_owners_until_it_runs_out(client: Client, queue: JobQueue) -> None:
    job_id = await enqueued(client)
    other = {**DEQUEUE, "locked_by": "ml_worker_02"}
    assert [(await post(client, DEQUEUE))[0]["job_id"] for _ in range(2)] == [job_id, job_id]  # `locked_by` matches
    assert await post(client, other) == []
    await run_out(queue, job_id)
    assert (await post(client, other))[0]["job_id"] == job_id
    late = update(job_id, "succeeded", locked_by="ml_worker_01")
    assert "another worker has it" in await refused(client, late)
    await post(client, update(job_id, "succeeded", locked_by="ml_worker_02"))


async def test_a_lock_can_be_kept_over_a_retry(client: Client) -> None:
    job_id = await enqueued(client)
    await post(client, DEQUEUE)
    await post(client, update(job_id, "retry", backoff_seconds=0, unlock=False))
    assert await post(client, {**DEQUEUE, "locked_by": "ml_worker_02"}) == []
    assert (await post(client, DEQUEUE))[0]["job_id"] == job_id


async def test_several_operations_are_one(client: Client, queue: JobQueue) -> None:
    made = await post(client, *[{**ENQUEUE, "priority": n} for n in (3, 2, 1)])
    ids = [int(one["value"]) for one in made]
    assert ids == sorted(ids)
    (job,) = await post(client, DEQUEUE)
    assert job["job_id"] == ids[2]
    first, second, third = await post(client, update(job["job_id"], "succeeded"), ENQUEUE, DEQUEUE)
    assert (first["msg"], second["msg"], third["job_id"]) == ("success", "success", ids[1])
    await refused(client, ENQUEUE, update(10**9, "succeeded"))
    assert await queue.counts() == {"search": {"succeeded": 1, "processing": 1, "pending": 2}}


async def test_one_unfinished_job_per_dedupe_key(client: Client) -> None:
    assert await enqueued(client, dedupe_key="k") == await enqueued(client, dedupe_key="k")


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, r"jobs\[0\]: action must be 1 \(enqueue\), 2 \(update\) or 4 \(dequeue\)"),
    ({"action": 3}, r"action must be 1"),
    ({"action": 1}, r"jobs\[0\]\.job_type: Field required; jobs\[0\]\.payload_json: Field required"),
    ({**ENQUEUE, "job_type": "publish"}, r"jobs\[0\]\.job_type: Input should be 'search', 'enrich' or 'score'"),
    ({**ENQUEUE, "payload_json": "{"}, r"jobs\[0\]\.payload_json: Value error, "),
    ({**ENQUEUE, "payload_json": [1]}, r"payload_json: Input should be an object"),
    ({**ENQUEUE, "payload_json": {"q": "a\0"}}, r"cannot be stored as JSON: it holds a NUL character"),
    ({**ENQUEUE, "priority": 2**31}, r"jobs\[0\]\.priority: "),
    ({**ENQUEUE, "max_attempts": 0}, r"jobs\[0\]\.max_attempts: "),
    ({"action": 2, "job_id": 1, "status": "succeeded"}, r"jobs\[0\]\.unlock: Field required"),
    (update(1, "done"), r"jobs\[0\]\.status: "),
    (update(10**9, "succeeded"), r"job 1000000000 does not exist in the queue tests"),
    ({"action": 4}, r"jobs\[0\]\.locked_by: Field required"),
    ({**DEQUEUE, "lock_seconds": 0}, r"jobs\[0\]\.lock_seconds: "),
)
NO_BODIES = (b"", b"{", b"[]", b'{"jobs": []}', b'{"jobs": 1}', b'{"jobs": [7]}', b"\xff")


async def test_what_is_wrong_is_said(client: Client) -> None:
    for operation, told in WRONG:
        assert re.search(told, await refused(client, operation)), (operation, told)


async def test_a_body_that_is_none_is_refused(client: Client) -> None:
    for body in NO_BODIES:
        async with client.post("/mlJobs", data=body) as answer:
            assert answer.status == 400, body
            (result,) = (await answer.json())["result"]
        assert (result["value"], result["msg"]) == ("", "error")
        assert result["error"], body


async def test_the_workers_key_where_set(queue: JobQueue) -> None:
    async with TestClient(TestServer(application(queue, KEY))) as client:
        for headers, status in (({}, 401), ({"X-Worker-Key": "wrong"}, 401), ({"X-Worker-Key": KEY}, 200)):
            async with client.post("/mlJobs", json={"jobs": [DEQUEUE]}, headers=headers) as answer:
                assert answer.status == status
                body = await answer.json()
            if status == 401:
                error = "the header X-Worker-Key is missing or wrong"
                assert body == {"result": [{"value": "", "msg": "error", "error": error}]}


async def test_without_postgres_it_is_an_error_of_ours(unmigrated_url: str) -> None:
    nowhere = unmigrated_url.rpartition("@")[0] + "@127.0.0.1:1/nothing"
    for url, what in ((nowhere, "DatabaseAway"), (unmigrated_url, "NotMigrated")):
        async with (
            Database(url, application="tests") as database,
            TestClient(TestServer(application(JobQueue(database, "tests")))) as client,
        ):
            told = await refused(client, ENQUEUE, status=500)
        assert told == f"nothing was changed; try again later ({what})"


async def test_it_is_described(client: Client) -> None:
    async with client.get("/openapi.json") as answer:
        operation = (await answer.json())["paths"]["/mlJobs"]["post"]
    assert set(operation["responses"]) == {"200", "400", "401", "500"}
