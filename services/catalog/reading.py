"""GET /{entity} and /{entity}/{id}: rows of the read model, under their documented names, personal data opened."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from aiohttp import web
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from libs.commands.live_builds import LiveBuilds
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.http.unified import told
from libs.privacy.fields import marked
from libs.privacy.keys import Keys
from libs.privacy.opener import opened
from libs.projection.live_build import OtherVersion
from libs.projection.model import Row
from libs.read_models.entities import columns, read_model
from libs.read_models.reads import Cursor, Page, page
from schemas.entity import Entity
from schemas.values import DecimalString, Json, as_utc, format_time
from services.catalog.requests import STORABLE, Time, answer_model

MOST_ROWS = 500
_INT8 = 2**63 - 1

_SOUGHT: dict[Any, Any] = {Decimal: DecimalString, datetime: Time}
"""As in requests: what PostgreSQL cannot hold is not sought either."""


class Reading:
    """The two routes that read one entity."""

    def __init__(self, entity: Entity, database: Database, builds: LiveBuilds, keys: Keys) -> None:
        self._entity = entity
        self._model = read_model(entity)
        self._database = database
        self._builds = builds
        self._keys = keys
        self._answer = answer_model(entity)

    def routes(self) -> tuple[Route, ...]:
        name, tags = self._entity.collection, (self._entity.collection,)
        listed: Any = create_model(
            f"{self._answer.__name__}Page",
            rows=(list[self._answer], Field(alias=name)),  # type: ignore[name-defined]  # made at run time
            next=(str | None, Field(description="Give this as `after` to go on; null at the end")),
        )
        listing = Operation(
            f"{name}, newest change first",
            tags=tags,
            query=self._query,
            replies={200: Reply("A page", listed)} | problems(400, 503),
        )
        one = Operation(f"One of {name}", tags=tags, replies={200: Reply("The row", self._answer)} | problems(404, 503))
        return (
            Route("GET", f"/{name}", self.list, listing),
            Route("GET", f"/{name}/{{id:[0-9]{{1,18}}}}", self.one, one),
        )

    async def list(self, request: web.Request) -> web.Response:
        try:
            asked = self._query.model_validate(dict(request.query)).model_dump(by_alias=False)
        except ValidationError as error:
            raise Problem(400, told(error)) from error
        after, limit = asked.pop("after"), asked.pop("limit")
        found = await self._page(asked, _cursor(after), limit)
        rows = [self._told(row) for row in await self._opened(found.rows)]
        return web.json_response({self._entity.collection: rows, "next": _after(found.after)})

    async def one(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        found = await self._page({"key": str(int(number))}, None, 1)
        if not found.rows:
            raise Problem(404, f"there is no {self._entity.told(self._entity.id_field)} {number}")
        (row,) = await self._opened(found.rows)
        return web.json_response(self._told(row))

    @cached_property
    def _query(self) -> type[BaseModel]:
        """A filter for every field but JSON and what is sealed, and paging."""
        fields: dict[str, Any] = {
            column.name: (
                _SOUGHT.get(column.type, column.type) | None,
                Field(default=None, alias=self._entity.told(column.name), **_bound(column.type)),
            )
            for column in columns(self._entity).values()
            if column.type != Json and column.name not in marked(self._entity.fact)
        }
        fields["limit"] = (int, Field(default=50, ge=1, le=MOST_ROWS))
        fields["after"] = (str | None, Field(default=None, description="`next` of the page before"))
        model: type[BaseModel] = create_model(
            f"{self._answer.__name__}Query", __config__=ConfigDict(extra="forbid"), **fields
        )
        return model

    async def _page(self, filters: dict[str, Any], after: Cursor | None, limit: int) -> Page[Row]:
        try:
            await self._builds.live(self._model)
            async with self._database.connection() as connection:
                found: Page[Row] = await page(
                    connection, self._model, filters | {"deleted": False}, after=after, limit=limit
                )
        except (DatabaseAway, NotMigrated, OtherVersion) as error:
            raise _not_now(error) from error
        return found

    async def _opened(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Only what is sealed by its declaration is opened: anybody may write a title that looks so."""
        names = marked(self._entity.fact)
        if not names:
            return rows
        try:
            plain = await opened([tuple(getattr(row, name) for name in names) for row in rows], self._keys)
        except (DatabaseAway, NotMigrated) as error:
            raise _not_now(error) from error
        return [replace(row, **dict(zip(names, told, strict=True))) for row, told in zip(rows, plain, strict=True)]

    def _told(self, row: Row) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in (*columns(self._entity), "updated_at")}
        told: dict[str, Any] = self._answer.model_validate(values).model_dump(mode="json", by_alias=True)
        return told


def _not_now(error: Exception) -> Problem:
    return Problem(503, f"nothing can be read now ({type(error).__name__})", headers={"Retry-After": "2"})


def _bound(kind: Any) -> dict[str, Any]:
    if kind is str:
        return {"pattern": STORABLE}
    return {"ge": -_INT8, "le": _INT8} if kind is int else {}


def _after(cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    return base64.urlsafe_b64encode(f"{format_time(cursor.updated_at)} {cursor.key}".encode()).decode()


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        at, _, key = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        return Cursor(as_utc(datetime.fromisoformat(at)), str(int(key)))
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "after: give what `next` of the page before said") from error
