"""Matches that wait for a person: GET /productMatches/review, and POST …/{id}/approve, …/{id}/reject.

A match at or below 0.8 waits, until somebody says what it is. The answer is written into the documented fields:
`matchMethod` manual, `confidence` 1 for yes and 0 for no; the topic keeps what stood there before. Yes links: a listing
then belongs to the product. No stays as a row, so that the match is not made again.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.commands.command import Command, Work
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.commands.unified import REPLIES, IdempotencyHeader, NotPossible, answer
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database, Record
from libs.entities.change import UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.sequences import Sequences
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.http.unified import told
from libs.matching.confidence import LINKED_ABOVE, Band, band
from libs.projection.live_build import OtherVersion
from libs.read_models.entities import read_model
from libs.read_models.reads import SCHEMA
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFER
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.product_matches.product_match_changed import MatchedEntity
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from schemas.values import DecimalString, UtcTime

MANUAL = "manual"
YES, NO = Decimal("1.0000"), Decimal("0.0000")
MOST = 500

_WAITING = f"""
SELECT m.product_match_id, m.confidence, m.match_method, m.entity_type, m.entity_id, m.updated_at,
    p.unified_product_id, p.brand, p.model, p.title AS product_title, coalesce(l.title, o.product_url) AS entity_title,
    count(*) OVER () AS total
FROM {SCHEMA}.{MATCH.topic} AS m
JOIN {SCHEMA}.{PRODUCT.topic} AS p ON p.key = m.unified_product_id::text
LEFT JOIN {SCHEMA}.{LISTING.topic} AS l ON m.entity_type = 'sell' AND l.key = m.entity_id::text
LEFT JOIN {SCHEMA}.{OFFER.topic} AS o ON m.entity_type = 'buy' AND o.key = m.entity_id::text
WHERE NOT m.deleted AND m.confidence <= $1 AND NOT (m.match_method = $2 AND m.confidence = 0)
    AND ($3::text IS NULL OR m.entity_type = $3)
ORDER BY m.confidence DESC, m.product_match_id LIMIT $4 OFFSET $5
"""  # noqa: S608  (our own names)


class ReviewQuery(BaseModel):
    """Which part of the queue."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    entity_type: MatchedEntity | None = Field(default=None, alias="entityType")
    limit: int = Field(default=50, ge=1, le=MOST)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class WaitingMatch(BaseModel):
    """A match that waits: both sides of it. `entityTitle`: the listing's title, or the offer's page."""

    model_config = ConfigDict(populate_by_name=True)

    product_match_id: int = Field(alias="productMatchId")
    confidence: DecimalString
    band: Band
    match_method: str = Field(alias="matchMethod")
    entity_type: MatchedEntity = Field(alias="entityType")
    entity_id: int = Field(alias="entityId")
    entity_title: str | None = Field(alias="entityTitle")
    unified_product_id: int = Field(alias="unifiedProductId")
    brand: str
    model: str
    product_title: str = Field(alias="productTitle")
    updated_at: UtcTime = Field(alias="updatedAt")


class Queue(BaseModel):
    """The likeliest first. `total`: how many wait."""

    model_config = ConfigDict(populate_by_name=True)

    product_matches: list[WaitingMatch] = Field(alias="productMatches")
    total: int


class Review:
    """The three routes."""

    def __init__(self, database: Database, builds: LiveBuilds, commands: Commands, sequences: Sequences) -> None:
        self._database = database
        self._builds = builds
        self._commands = commands
        self._sequences = sequences

    def routes(self) -> tuple[Route, ...]:
        path, tags = f"/{MATCH.collection}", (MATCH.collection,)
        queue = Operation(
            "Matches that wait for a person, the likeliest first",
            tags=tags,
            query=ReviewQuery,
            replies={200: Reply("The queue", Queue)} | problems(400, 503),
        )
        yes = Operation(
            "Approve a match: it is this product; a listing then belongs to it",
            tags=tags,
            header=IdempotencyHeader,
            replies=REPLIES,
        )
        no = Operation("Reject a match: it is not this product", tags=tags, header=IdempotencyHeader, replies=REPLIES)
        return (
            Route("GET", f"{path}/review", self.queue, queue),
            Route("POST", f"{path}/{{id:[0-9]{{1,18}}}}/approve", partial(self.judge, YES), yes),
            Route("POST", f"{path}/{{id:[0-9]{{1,18}}}}/reject", partial(self.judge, NO), no),
        )

    async def queue(self, request: web.Request) -> web.Response:
        try:
            asked = ReviewQuery.model_validate(dict(request.query))
        except ValidationError as error:
            raise Problem(400, told(error)) from error
        try:
            for entity in (MATCH, PRODUCT, LISTING, OFFER):
                await self._builds.live(read_model(entity))
            async with self._database.connection() as connection:
                found = await connection.fetch(
                    _WAITING, LINKED_ABOVE, MANUAL, asked.entity_type, asked.limit, asked.offset
                )
        except (DatabaseAway, NotMigrated, OtherVersion) as error:
            raise Problem(
                503, f"nothing can be read now ({type(error).__name__})", headers={"Retry-After": "2"}
            ) from error
        queue = Queue(product_matches=[_waiting(row) for row in found], total=found[0]["total"] if found else 0)
        return web.json_response(queue.model_dump(mode="json", by_alias=True))

    async def judge(self, confidence: Decimal, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        return await answer(request, self._commands, lambda _body: number, partial(self._work, confidence))

    def _work(self, confidence: Decimal, number: int) -> Work[list[str]]:
        async def work(command: Command) -> list[str]:
            sequence = await self._sequences.of(MATCH)
            await command.whole(read_model(MATCH))
            row: Any = await command.row(read_model(MATCH), str(number))
            if row is None or row.deleted:
                raise NotPossible(f"there is no productMatchId {number}")
            if (row.match_method, row.confidence) != (MANUAL, confidence):
                change = Change(UPDATE, number, {"match_method": MANUAL, "confidence": confidence})
                await decide(command, MATCH, [change], sequence, datetime.now(UTC))
            if confidence == YES and row.entity_type == MatchedEntity.SELL:
                await self._link(command, row.entity_id, row.unified_product_id)
            return [str(number)]

        return work

    async def _link(self, command: Command, listing_id: int, product_id: int) -> None:
        listing: Any = await command.row(read_model(LISTING), str(listing_id))
        if listing is not None and not listing.deleted and listing.unified_product_id != product_id:
            change = Change(UPDATE, listing_id, {"unified_product_id": product_id})
            await decide(command, LISTING, [change], await self._sequences.of(LISTING), datetime.now(UTC))


def _waiting(row: Record) -> WaitingMatch:
    told = {name: row[name] for name in WaitingMatch.model_fields if name != "band"}
    return WaitingMatch(**told, band=band(row["confidence"]))
