"""A server generated from the contract: it refuses what the contract does not have, and answers what it allows."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.contract.ebay.bodies import Bodies
from tests.contract.ebay.published import REF, Published

EVERYWHERE = {"x-ebay-c-marketplace-id"}
"""Of eBay's REST APIs in general ("HTTP request headers"), beside what each operation declares."""

_HTTP = {"host", "accept", "accept-encoding", "user-agent", "authorization", "content-length", "traceparent"}


@dataclass
class MockServer:
    """What it was asked, what it answered, and in what the requests were wrong. `total` items stand on its pages."""

    contract: Published
    bodies: Bodies
    total: int = 45
    server: TestServer | None = None
    asked: list[tuple[str, web.Request, Any]] = field(default_factory=list)
    answered: list[Any] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/")).rstrip("/")

    def application(self) -> web.Application:
        app = web.Application()
        for method, path, operation in self.contract.operations().values():
            app.router.add_route(method, self.contract.base_path + path, self._handler(operation))
        app.router.add_route("*", "/{tail:.*}", self._unknown)
        return app

    def _handler(self, operation: dict[str, Any]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            raw = await request.read()
            wrong = [*_wrong_parameters(request, operation), *self._wrong_body(request, raw, operation)]
            self.violations += [f"{operation['operationId']}: {each}" for each in wrong]
            body = json.loads(raw) if raw else None
            self.asked.append((operation["operationId"], request, body))
            if wrong:
                return web.json_response({"errors": [{"errorId": 25709, "message": "; ".join(wrong)}]}, status=400)
            schema = operation["responses"]["2XX"]["content"]["application/json"]["schema"]
            told = self._suited(self.bodies.of(schema["$ref"].removeprefix(REF)), request, body)
            self.answered.append(told)
            return web.json_response(told)

        return handle

    def _suited(self, told: dict[str, Any], request: web.Request, body: Any) -> dict[str, Any]:
        """What the contract says in words alone: pages (`offset` counts them, `next` only if there is one), SKUs."""
        for name in ("inventoryItems", "offers"):
            if name in told:
                self._paged(told, name, request)
        if body is not None and "responses" in told:
            one = told["responses"][0] if told["responses"] else {}
            told["responses"] = [{**one, "sku": each["sku"], "statusCode": 200} for each in body["requests"]]
            for response in told["responses"]:
                response["errors"], response["warnings"] = [], []
        return told

    def _paged(self, told: dict[str, Any], name: str, request: web.Request) -> None:
        limit, page = int(request.query.get("limit", 25)), int(request.query.get("offset", 0))
        envelope = self.contract.schema("InventoryItems" if name == "inventoryItems" else "Offers")
        entry = envelope["properties"][name]["items"]["$ref"].removeprefix(REF)
        here = max(0, min(limit, self.total - page * limit))
        told[name] = [self.bodies.of(entry) for _ in range(here)]
        told |= {"total": self.total, "limit": limit, "size": -(-self.total // limit)}
        told["href"] = str(request.rel_url)
        told.pop("next", None)
        told.pop("prev", None)
        if (page + 1) * limit < self.total:
            told["next"] = str(request.rel_url.update_query(offset=page + 1))

    def _wrong_body(self, request: web.Request, raw: bytes, operation: dict[str, Any]) -> list[str]:
        declared = operation.get("requestBody")
        if declared is None:
            return ["a body, where the contract has none"] if raw else []
        if request.content_type != "application/json":
            return [f"the content type {request.content_type}"]
        name = declared["content"]["application/json"]["schema"]["$ref"].removeprefix(REF)
        validator = jsonschema.Draft202012Validator(self.contract.closed(name))
        return [error.message for error in validator.iter_errors(json.loads(raw or b"null"))]

    async def _unknown(self, request: web.Request) -> web.Response:
        self.violations.append(f"no operation {request.method} {request.path}")
        return web.json_response({"errors": []}, status=404)


def _wrong_parameters(request: web.Request, operation: dict[str, Any]) -> list[str]:
    known = {(each["in"], each["name"].lower()): each["required"] for each in operation["parameters"]}
    # The sync document sends Content-Type with every call; where there is a body, its type is checked with the body.
    names = {name.lower() for name in request.headers} - _HTTP - EVERYWHERE - {"content-type"}
    given = {("query", name) for name in request.query} | {("header", name) for name in names}
    given |= {("path", name) for name in request.match_info}
    wrong = [f"an unknown parameter {place} {name}" for place, name in given - known.keys()]
    wrong += [
        f"no {place} {name}" for (place, name), required in known.items() if required and (place, name) not in given
    ]
    wrong += [f"{name} twice" for name in request.query if len(request.query.getall(name)) > 1]
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        wrong.append("no bearer token")
    return wrong


@asynccontextmanager
async def mock_server(contract: Published, seed: int, fullness: float = 1.0) -> AsyncIterator[MockServer]:
    """The server on a free port of 127.0.0.1."""
    made = MockServer(contract, Bodies(contract, seed, fullness))
    made.server = TestServer(made.application())
    await made.server.start_server()
    try:
        yield made
    finally:
        await made.server.close()
