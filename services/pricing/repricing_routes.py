"""Repricing rules, given and taken back; and the proposals that followed."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from libs.commands.unified import json_body
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database, Record
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.http.unified import Refused, told
from schemas.values import DecimalString, Json, UtcTime
from services.pricing.rules import RuleGiven

RULE = "/api/v1/pricing/listings/{id:[0-9]{1,18}}/repricing-rule"
PROPOSALS = "/api/v1/pricing/listings/{id:[0-9]{1,18}}/proposals"
_MOST = 100

_PUT = """
INSERT INTO pricing.repricing_rules AS kept (sell_listing_id, rule) VALUES ($1, $2)
ON CONFLICT (sell_listing_id) DO UPDATE SET rule = excluded.rule, version = kept.version + 1, updated_at = now()
RETURNING version
"""


class RuleTold(BaseModel):
    """A listing's rule; each change makes a new version of it."""

    sell_listing_id: int
    version: int
    rule: RuleGiven


class ProposalTold(BaseModel):
    """A proposed price and why: the whole decision in sentences, and its inputs, steps and guardrails."""

    rule_version: int
    mode: str
    current_usd: DecimalString
    price_usd: DecimalString
    explanation: str
    details: Json
    proposed_at: UtcTime
    applied_at: UtcTime | None = Field(description="When the listing's price was changed; null in test mode")
    carried_at: UtcTime | None = Field(description="When the marketplace took it, where the publisher made the listing")
    carry_error: str | None = Field(description="Why it did not, so far or for good")


class ProposalsTold(BaseModel):
    """The newest first."""

    proposals: list[ProposalTold]


class RepricingApi:
    """The routes. `reprice` lets a listing be looked at again."""

    def __init__(self, database: Database, reprice: Callable[[int], Awaitable[None]]) -> None:
        self._database = database
        self._reprice = reprice

    def routes(self) -> tuple[Route, ...]:
        tags = ("repricing",)
        put = Operation(
            "Give a listing a rule",
            tags=tags,
            body=RuleGiven,
            replies={200: Reply("Kept, and looked at", RuleTold)} | problems(400, 503),
        )
        get = Operation("A listing's rule", tags=tags, replies={200: Reply("It", RuleTold)} | problems(404, 503))
        gone = Operation("Take a rule back", tags=tags, replies={200: Reply("It was", RuleTold)} | problems(404, 503))
        listed = Operation(
            "A listing's proposals", tags=tags, replies={200: Reply("The newest first", ProposalsTold)} | problems(503)
        )
        return (
            Route("PUT", RULE, self.put, put),
            Route("GET", RULE, self.get, get),
            Route("DELETE", RULE, self.delete, gone),
            Route("GET", PROPOSALS, self.proposals, listed),
        )

    async def put(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        try:
            given = RuleGiven.model_validate(json_body(await request.read()))
            given.rule(number, 1)
        except ValidationError as error:
            raise Problem(400, told(error)) from error
        except (Refused, ValueError) as error:
            raise Problem(400, str(error)) from error
        (row,) = await self._rows(_PUT, number, given.model_dump_json())
        await self._reprice(number)
        return _answer(RuleTold(sell_listing_id=number, version=row["version"], rule=given))

    async def get(self, request: web.Request) -> web.Response:
        return await self._one("SELECT version, rule FROM pricing.repricing_rules WHERE sell_listing_id = $1", request)

    async def delete(self, request: web.Request) -> web.Response:
        query = "DELETE FROM pricing.repricing_rules WHERE sell_listing_id = $1 RETURNING version, rule"
        return await self._one(query, request)

    async def proposals(self, request: web.Request) -> web.Response:
        query = "SELECT * FROM pricing.price_proposals WHERE sell_listing_id = $1 ORDER BY id DESC LIMIT $2"
        rows = await self._rows(query, int(request.match_info["id"]), _MOST)
        found = [{**row, "details": json.loads(row["details"])} for row in map(dict, rows)]
        return _answer(ProposalsTold.model_validate({"proposals": found}))

    async def _one(self, query: str, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        rows = await self._rows(query, number)
        if not rows:
            raise Problem(404, f"listing {number} has no repricing rule")
        rule = RuleGiven.model_validate_json(rows[0]["rule"])
        return _answer(RuleTold(sell_listing_id=number, version=rows[0]["version"], rule=rule))

    async def _rows(self, query: str, *arguments: Any) -> list[Record]:
        try:
            async with self._database.connection() as connection:
                return await connection.fetch(query, *arguments)
        except (DatabaseAway, NotMigrated) as error:
            raise Problem(503, f"not now ({type(error).__name__})", headers={"Retry-After": "2"}) from error


def _answer(content: BaseModel) -> web.Response:
    return web.json_response(content.model_dump(mode="json"))
