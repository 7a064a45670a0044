"""FastAPI and SQLAlchemy over PostgreSQL: the catalog's twelve tables as most teams would write them, and no log.

The tables, their unique keys and references follow from the entities' declarations, so that both sides keep the same.
One transaction for each request; constraints are PostgreSQL's own.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, create_model
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from libs.read_models.entities import columns
from schemas.entities import BY_COLLECTION, ENTITIES
from schemas.entity import Entity

_TYPES: dict[Any, Any] = {
    str: Text,
    int: BigInteger,
    bool: Boolean,
    Decimal: Numeric,
    datetime: DateTime(timezone=True),
    date: Date,
    dict[str, Any]: JSONB,
}
metadata = MetaData()


def _table(entity: Entity) -> Table:
    """Its columns, and what PostgreSQL can hold of its rules."""
    references = {one.field: one.to for one in entity.references if isinstance(one.to, str)}
    made = []
    for column in columns(entity).values():
        if column.name == entity.id_field:
            made.append(Column(column.name, BigInteger, primary_key=True))
            continue
        to = references.get(column.name)
        key = [ForeignKey(f"{BY_COLLECTION[to].topic}.{BY_COLLECTION[to].id_field}")] if to is not None else []
        made.append(Column(column.name, _TYPES[column.type], *key, nullable=column.nullable))
    changed = Column("updated_at", DateTime(timezone=True), server_default=func.now(), nullable=False)
    unique = [UniqueConstraint(*fields) for fields in entity.unique]
    indexes = [Index(f"{entity.topic}_by_{name}", name) for name in references]
    return Table(entity.topic, metadata, *made, changed, *unique, *indexes)


TABLES = {entity.collection: _table(entity) for entity in ENTITIES}
engine: AsyncEngine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=16, max_overflow=0)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


class Result(BaseModel):
    """The unified answer's part."""

    value: str
    msg: str
    error: str


class Answer(BaseModel):
    """The unified answer."""

    result: list[Result]


def _body(entity: Entity) -> type[BaseModel]:
    """The request: every field under its documented name."""
    fields: dict[str, Any] = {
        entity.told(column.name): (column.type | None, None) for column in columns(entity).values()
    }
    operation = create_model(f"{entity.noun}_operation", action=(int | str, ...), **fields)
    return create_model(f"{entity.noun}_request", **{entity.collection: (list[operation], ...)})  # type: ignore[valid-type]  # made at run time


def _route(entity: Entity) -> Callable[..., Any]:
    table, told = TABLES[entity.collection], {entity.told(name): name for name in columns(entity)}
    body = _body(entity)

    async def post(request: Any) -> Answer:
        values = []
        try:
            async with engine.begin() as connection:
                for one in getattr(request, entity.collection):
                    given = {
                        told[name]: value for name, value in one.model_dump(exclude_unset=True).items() if name in told
                    }
                    number = given.pop(entity.id_field, None)
                    key = table.c[entity.id_field]
                    match str(one.action):
                        case "1":
                            statement: Any = insert(table).values(**given).returning(key)
                        case "2":
                            given["updated_at"] = datetime.now(UTC)
                            statement = update(table).where(key == number).values(**given).returning(key)
                        case _:
                            statement = delete(table).where(key == number).returning(key)
                    found = (await connection.execute(statement)).scalar_one_or_none()
                    if found is None:
                        raise HTTPException(400, f"there is no {entity.noun} {number}")
                    values.append("" if str(one.action) == "3" else str(found))
        except IntegrityError as error:
            raise HTTPException(400, str(error.orig)) from error
        return Answer(result=[Result(value=value, msg="success", error="") for value in values])

    post.__annotations__["request"] = body
    return post


for each in ENTITIES:
    app.post(f"/{each.collection}")(_route(each))


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PEER_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
