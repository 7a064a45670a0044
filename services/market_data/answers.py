"""Requests checked, answers written, and our own outages told as 503."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.server import Problem
from schemas.registry import summary

M = TypeVar("M", bound=BaseModel)
Method = Callable[[Any, web.Request], Awaitable[web.Response]]


def checked(model: type[M], told: object) -> M:
    """The request's part as it is declared; raises Problem 422."""
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise Problem(422, f"The request is wrong: {summary(error)}.") from None


def answer(body: BaseModel, status: int = 200, location: str | None = None) -> web.Response:
    headers = {} if location is None else {"Location": location}
    content = body.model_dump_json().encode()
    return web.Response(body=content, content_type="application/json", status=status, headers=headers)


def while_away_503(method: Method) -> Method:
    """Turn DatabaseAway into a Problem 503."""

    @wraps(method)
    async def told(self: Any, request: web.Request) -> web.Response:
        try:
            return await method(self, request)
        except (DatabaseAway, NotMigrated) as error:
            raise Problem(503, f"Nothing can be told or kept now: {error}.", headers={"Retry-After": "5"}) from None

    return told
