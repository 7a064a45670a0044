"""The catalog as its app builds it, asked over HTTP."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from libs.bus.settings import KafkaSettings
from libs.db.settings import DatabaseSettings
from libs.http.server import Health, prepare_application
from libs.secrets.keys import new_key
from libs.secrets.settings import SecretsSettings
from schemas.entities import BY_COLLECTION, ENTITIES
from services.catalog.app import build
from services.catalog.config import Config

ORDER = tuple(entity.collection for entity in ENTITIES)
"""Each collection stands behind those that it refers to."""


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    json: Any
    headers: Mapping[str, str]

    @property
    def values(self) -> list[str]:
        """The results' values of a command that was carried out."""
        assert self.status == 200, self.json
        assert all(one["msg"] == "success" and one["error"] == "" for one in self.json["result"])
        return [one["value"] for one in self.json["result"]]

    @property
    def error(self) -> str:
        """What a command was refused for."""
        (result,) = self.json["result"]
        assert (result["value"], result["msg"]) == ("", "error")
        return str(result["error"])


@dataclass(frozen=True)
class Catalog:
    """A running catalog."""

    session: aiohttp.ClientSession

    async def post(self, collection: str, *operations: Any, **headers: str) -> Told:
        return await self.send(collection, {collection: operations}, **headers)

    async def send(self, collection: str, body: Any, **headers: str) -> Told:
        content = {"data": body} if isinstance(body, str) else {"json": body}
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(f"/{collection}", headers=told, **content) as response:
            return Told(response.status, await response.json(content_type=None), response.headers)

    async def get(self, path: str, **query: Any) -> Told:
        async with self.session.get(path, params=query) as response:
            return Told(response.status, await response.json(content_type=None), response.headers)

    async def create(self, collection: str, **changes: Any) -> int:
        """A row like the documented example; its number."""
        (value,) = (await self.post(collection, example(collection) | changes)).values
        return int(value)

    async def all_rows(self, collection: str) -> dict[int, dict[str, Any]]:
        """Every row by number, page by page."""
        entity = BY_COLLECTION[collection]
        found: dict[int, dict[str, Any]] = {}
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = (await self.get(f"/{collection}", **query)).json
            found |= {row[entity.told(entity.id_field)]: row for row in page[collection]}
            if page["next"] is None:
                return found
            query["after"] = page["next"]


def example(collection: str) -> dict[str, Any]:
    """The documented example of a create."""
    return dict(BY_COLLECTION[collection].example)


async def fill(api: Catalog, made_by_services: Collection[str] = ()) -> None:
    """The documented example of every entity, number 1; the offer that the match's example names is number 10.

    `made_by_services`: collections whose rows running services make as well; their numbers are not told beforehand.
    """
    for collection in ORDER:
        if collection == "productMatches":
            urls = [f"https://shop.example/{number}" for number in range(2, 11)]
            offers = [example("buyOffers") | {"productUrl": url} for url in urls]
            assert (await api.post("buyOffers", *offers)).values == [str(number) for number in range(2, 11)]
        answer = await api.post(collection, example(collection))
        if collection in made_by_services:
            assert answer.status == 200 or "is taken" in answer.error, (collection, answer.json)
            continue
        assert answer.status == 200, (collection, answer.json)
        assert answer.json == {"result": [{"value": "1", "msg": "success", "error": ""}]}, collection


@asynccontextmanager
async def catalog(
    url: str, kafka: KafkaSettings, patience: float = 10, secrets: str | None = None
) -> AsyncIterator[Catalog]:
    """`secrets`: the keys that seal people's keys; without them fresh ones."""
    config = Config(
        kafka=kafka,
        database=DatabaseSettings(url=url),
        secrets=SecretsSettings(keys=SecretStr(secrets or new_key())),
        patience_seconds=patience,
        port=0,
    )
    async with build(config) as service:
        prepare_application(service.http, service.name, Health(service.ready))
        async with (
            TestServer(service.http) as server,
            aiohttp.ClientSession(base_url=str(server.make_url("/"))) as session,
        ):
            yield Catalog(session)
