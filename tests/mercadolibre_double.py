"""A small MercadoLibre on 127.0.0.1 for tests: documented answers, single-use refresh tokens, and faults on request."""

import json
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

ANSWERS = Path(__file__).parent / "fixtures" / "marketplaces" / "mercadolibre" / "api"

SELLER = "34308"


def recorded(name: str) -> Any:
    """A recorded answer, to be changed as the test needs."""
    return json.loads((ANSWERS / f"{name}.json").read_text())


class MercadoLibreDouble:
    """What it answers is in `things` (path → JSON); `faults` (path → answers given first) go before."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {
            "/orders/2000016796107000": recorded("order__paid"),
            "/shipments/43210001234": recorded("shipment__ready_to_ship"),
            "/questions/13066000001": recorded("question__answered"),
            "/collections/162718340000": recorded("payment__approved"),
            "/items/MLB4739200000": recorded("item__active"),
            "/messages/fd1d2e37ad004ede9e0bf25d1215002d": recorded("message__read"),
            "/post-purchase/v1/claims/5255026166": recorded("claim__opened"),
            "/orders/2000016796107000/feedback": recorded("feedback__both"),
            f"/users/{SELLER}/invoices/1377978": recorded("invoice__authorized"),
        }
        self.faults: defaultdict[str, deque[tuple[int, str, dict[str, str]]]] = defaultdict(deque)
        self.requests: Counter[str] = Counter()
        self.access = "APP_USR-access-token-0"
        self.refresh = "TG-refresh-token-0"
        self.granted = 0
        self.base_url = ""

    def fail(self, path: str, status: int, body: str = "", *, times: int = 1, **headers: str) -> None:
        self.faults[path].extend([(status, body, headers)] * times)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests[request.path] += 1
        if self.faults[request.path]:
            status, body, headers = self.faults[request.path].popleft()
            return web.Response(status=status, text=body, headers=headers)
        if request.headers.get("Authorization") != f"Bearer {self.access}":
            return problem(401, "invalid access token", "unauthorized")
        if request.path.startswith("/shipments/") and request.headers.get("x-format-new") != "true":
            return problem(400, "the old format is gone", "bad_request")
        if request.path.startswith("/questions/") and request.query.get("api_version") != "4":
            return problem(400, "the old version is gone", "bad_request")
        if request.path.startswith("/messages/") and request.query.get("tag") != "post_sale":
            return problem(400, "tag is required", "bad_request")
        if request.path not in self.things:
            return problem(404, f"{request.path} not found", "not_found")
        return web.json_response(self.things[request.path])

    async def token(self, request: web.Request) -> web.Response:
        self.requests[request.path] += 1
        form = await request.post()
        if form.get("client_id") != "6456467593800000" or form.get("client_secret") != "client-secret":
            return problem(401, "invalid client", "invalid_client")
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return problem(400, "Error validating grant.", "invalid_grant")
        self.granted += 1
        self.access = f"APP_USR-access-token-{self.granted}"
        self.refresh = f"TG-refresh-token-{self.granted}"
        told = {
            "token_type": "bearer",
            "expires_in": 21600,
            "scope": "offline_access read write",
            "user_id": int(SELLER),
        }
        return web.json_response({**told, "access_token": self.access, "refresh_token": self.refresh})


def problem(status: int, message: str, error: str) -> web.Response:
    return web.json_response({"message": message, "error": error, "status": status, "cause": []}, status=status)


@asynccontextmanager
async def mercadolibre_double() -> AsyncIterator[MercadoLibreDouble]:
    double = MercadoLibreDouble()
    app = web.Application()
    app.router.add_post("/oauth/token", double.token)
    app.router.add_get("/{tail:.*}", double.answer)
    async with TestServer(app) as server:
        double.base_url = str(server.make_url("/"))
        yield double
