"""GET /waiting: what could not be linked yet, for operators. No personal data: a fact's key and what it waits for."""

from datetime import datetime

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.http.unified import told
from services.order_desk.waiting import all_waiting


class Query(BaseModel):
    """How much is wanted."""

    limit: int = Field(default=100, ge=1, le=1000)


class WaitingFact(BaseModel):
    """A fact that waits."""

    key: str = Field(description="Its topic and key")
    waits_for: list[str] = Field(
        description="What has to come: a sell listing's channelItemId, an order, or an order's state"
    )
    why: str = Field(description="What is missing, or what a person is to do")
    since: datetime


class WaitingFacts(BaseModel):
    """The oldest first."""

    waiting: list[WaitingFact]


def routes(database: Database) -> tuple[Route, ...]:
    """The routes of the order desk."""

    async def waiting(request: web.Request) -> web.Response:
        try:
            query = Query.model_validate(dict(request.query))
            found = await all_waiting(database, query.limit)
        except ValidationError as error:
            raise Problem(400, told(error)) from error
        except (DatabaseAway, NotMigrated) as error:
            raise Problem(503, f"nothing can be read now ({type(error).__name__})") from error
        facts = [WaitingFact(key=one.key, waits_for=list(one.waits_for), why=one.why, since=one.since) for one in found]
        return web.json_response(WaitingFacts(waiting=facts).model_dump(mode="json"))

    operation = Operation(
        "What waits for something to refer to",
        query=Query,
        replies={200: Reply("It", WaitingFacts)} | problems(400, 503),
    )
    return (Route("GET", "/waiting", waiting, operation),)
