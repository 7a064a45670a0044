"""The suggester of replies is chosen by configuration: a language model, and the templates where it says nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.replay import EXTENSION
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.privacy.keys import Keys
from libs.privacy.sealer import Sealer
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from libs.suggesting import Asked
from libs.suggesting.chat import open_chat
from schemas.envelope import Envelope
from tests.facts import NOON, question
from tests.integration.running_catalog import catalog
from tests.integration.running_order_desk import order_desk
from tests.projecting import until

KEY = new_key()
WANTED = "¡Hola! Ya lo revisamos y te contamos."


@dataclass
class Model:
    """A server of the chat completions API: what it was asked, and what it answers."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    status: int = 200
    body: Any = field(default_factory=lambda: {"choices": [{"message": {"role": "assistant", "content": WANTED}}]})

    async def complete(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.keys.add(request.headers.get("Authorization", ""))
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Model]:
    made, app = Model(), web.Application()
    app.router.add_post("/v1/chat/completions", made.complete)
    async with TestServer(app) as server:
        monkeypatch.setenv("SUGGESTING_CHAT_API__BASE_URL", str(server.make_url("/v1")))
        monkeypatch.setenv("SUGGESTING_CHAT_API__ATTEMPTS", "1")
        monkeypatch.setenv("SUGGESTING_CHAT_MODEL", "small")
        monkeypatch.setenv("SUGGESTING_CHAT_API_KEY", "a-key")
        yield made


@asynccontextmanager
async def marketplace(url: str, kafka: KafkaSettings) -> AsyncIterator[Publisher]:
    async with (
        Database(url, application="tests") as database,
        Publisher(kafka, "enricher", seal=Sealer(Keys(database, Vault(read_keys(KEY))))) as publisher,
    ):
        yield publisher


async def test_the_configured_model_suggests_and_the_templates_do_where_it_cannot(
    model: Model, database_url: str, kafka: KafkaSettings
) -> None:
    async with (
        marketplace(database_url, kafka) as publisher,
        catalog(database_url, kafka, secrets=KEY) as api,
        order_desk(database_url, kafka, KEY, suggester="libs.suggesting.chat:open_chat"),
    ):

        async def suggested(thread: str) -> str:
            found: list[dict[str, Any]] = []

            async def there() -> bool:
                nonlocal found
                found = (await api.get("/messageTickets", threadId=thread)).json["messageTickets"]
                return bool(found)

            await until(there, f"a ticket for {thread}")
            return str(found[0]["suggestedReply"])

        replay = Envelope("r", "/t", "t", NOON, "s", "d", extensions={EXTENSION: "20261121-1"})
        await publisher.publish(Outgoing(question(5, text="¿Cuándo llega el paquete?")), cause=replay)
        await publisher.publish(Outgoing(question(5, text="¿Cuándo llega el paquete?")))
        assert await suggested("question/5") == WANTED
        (asked,) = model.asked  # once: the replay came first, and is not told to a stranger
        assert asked["model"] == "small"
        assert "¿Cuándo llega el paquete?" in asked["messages"][-1]["content"]
        assert model.keys == {"Bearer a-key"}
        model.status = 503
        await publisher.publish(Outgoing(question(6, text="¿Cuándo llega el paquete?")))
        assert (await suggested("question/6")).startswith("¡Hola! Enviamos poco después de la compra")


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, ["x"]])
async def test_an_answer_of_another_shape_is_no_suggestion(model: Model, body: Any) -> None:
    model.body = body
    async with open_chat() as chat:
        assert await chat.reply(Asked("Hi", "US", status="ORDER_SHIPPED", tracking="1Z9", carrier="UPS")) is None
    assert "1Z9" in model.asked[0]["messages"][-1]["content"]
