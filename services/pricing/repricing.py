"""Proposals: for each listing with a repricing rule, when its market changes, and kept with all they follow from.

In test mode a proposal is kept. In live mode the listing's price is changed besides, by command, as a person would with
POST /sellListings, and in the same transaction the publisher is asked to carry it to the marketplace
(libs.channels.price_jobs). A proposal that was carried out proposes nothing again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from libs.channels.price_jobs import QUEUE, carrying
from libs.commands.command import Command
from libs.commands.run import Commands
from libs.commands.unified import NotPossible
from libs.db.pool import Connection, Database
from libs.entities.change import UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.finding import rows
from libs.entities.sequences import Sequences
from libs.jobs import JobQueue
from libs.pricing.amounts import AmountRefused, cents
from libs.pricing.repricer import Proposal, propose
from libs.pricing.repricing_rule import BoundUnknown, Mode
from libs.telemetry.log import get_logger
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from services.pricing.board import Market
from services.pricing.rules import RuleGiven

log = get_logger()

PUBLISHED = "published"
"""`matchMethod` of the listings that the publisher makes."""

_CHANGED = """
SELECT sell_listing_id, version FROM pricing.repricing_rules WHERE updated_at > now() - interval '2 minutes'
"""
_LAST = """
SELECT DISTINCT ON (sell_listing_id)
    rule_version, current_usd, price_usd, applied_at IS NOT NULL AS applied, mode = 'live' AS live
FROM pricing.price_proposals WHERE sell_listing_id = ANY ($1) ORDER BY sell_listing_id, id DESC
"""
_APPLIED = """
UPDATE pricing.price_proposals SET applied_at = now()
WHERE id = (SELECT max(id) FROM pricing.price_proposals WHERE sell_listing_id = $1) RETURNING id
"""
_KEEP = """
INSERT INTO pricing.price_proposals
    (sell_listing_id, rule_version, mode, current_usd, price_usd, explanation, details)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


class Repricing:
    """Looks up rules, proposes, keeps, and in live mode applies."""

    def __init__(
        self,
        database: Database,
        commands: Commands,
        sequences: Sequences,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._commands = commands
        self._sequences = sequences
        self._prices = JobQueue(database, QUEUE)
        self._now = now

    async def changed(self) -> dict[int, int]:
        """Listings whose rule was changed in the last minutes, with its version. Raises DatabaseAway, NotMigrated."""
        async with self._database.connection() as connection:
            return {row["sell_listing_id"]: row["version"] for row in await connection.fetch(_CHANGED)}

    async def ruled(self, listings: Sequence[int]) -> dict[int, tuple[int, RuleGiven]]:
        """The rules of these listings, by listing: version and rule. Raises DatabaseAway, NotMigrated."""
        async with self._database.connection() as connection:
            found = await connection.fetch(
                "SELECT * FROM pricing.repricing_rules WHERE sell_listing_id = ANY ($1)", list(listings)
            )
        return {row["sell_listing_id"]: (row["version"], RuleGiven.model_validate_json(row["rule"])) for row in found}

    async def published(self, listings: Sequence[int]) -> set[int]:
        """Which of these listings our publisher made: its match says so. Raises DatabaseAway, NotMigrated."""
        async with self._database.connection() as connection:
            found = await rows(connection, MATCH, entity_type="sell", entity_id=list(listings), match_method=PUBLISHED)
        return {row.entity_id for row in found}

    async def consider(self, markets: Sequence[Market], rules: dict[int, tuple[int, RuleGiven]]) -> int:
        """Propose for each; how many proposals are new."""
        new = 0
        for market in markets:
            version, given = rules[market.listing_id]
            try:
                proposal = propose(given.rule(market.listing_id, version), market.listing, market.competitors)
            except (AmountRefused, BoundUnknown) as error:
                log.warning("no price is proposed", sell_listing_id=market.listing_id, reason=str(error))
                continue
            if proposal.changes:
                new += await self._keep(market, given, proposal)
            elif proposal.mode is Mode.LIVE:
                await self._finish(market.listing_id, proposal)
        return new

    async def _finish(self, listing_id: int, proposal: Proposal) -> None:
        """The price is as it was proposed: who died between the fact and its commit has not asked for the rest."""
        async with self._database.transaction() as connection:
            (last,) = await connection.fetch(_LAST, [listing_id]) or (None,)
            if last is not None and last["live"] and not last["applied"] and last["price_usd"] == proposal.price_usd:
                await self._mark(listing_id, connection)

    async def _mark(self, listing_id: int, connection: Connection) -> None:
        """The newest proposal was applied, and its price is to be carried to the marketplace: one transaction."""
        proposal_id = await connection.fetchval(_APPLIED, listing_id)
        await self._prices.enqueue_in(connection, [carrying(listing_id, proposal_id)])

    async def _keep(self, market: Market, given: RuleGiven, proposal: Proposal) -> bool:
        """Keep a proposal that is not the last one again; a live one that was not carried out yet is carried out."""
        async with self._database.transaction() as connection:
            (last,) = await connection.fetch(_LAST, [market.listing_id]) or (None,)
            same = last is not None and (last["rule_version"], last["current_usd"], last["price_usd"]) == (
                proposal.rule_version,
                proposal.current_usd,
                proposal.price_usd,
            )
            if not same:
                await _insert(connection, market, given, proposal)
        if proposal.mode is Mode.LIVE and market.in_usd and not (same and last is not None and last["applied"]):
            await self._apply(market.listing_id, proposal)
        return not same

    async def _apply(self, listing_id: int, proposal: Proposal) -> None:
        async def work(command: Command) -> None:
            price = {"sell_price_usd": proposal.price_usd, "sell_price_original": proposal.price_usd}
            sequence = await self._sequences.of(LISTING)
            await decide(command, LISTING, [Change(UPDATE, listing_id, price)], sequence, self._now())
            command.then(partial(self._mark, listing_id))

        try:
            await self._commands.run(work)
        except NotPossible as error:
            log.warning("a price could not be changed", sell_listing_id=listing_id, reason=str(error))


async def _insert(connection: Connection, market: Market, given: RuleGiven, proposal: Proposal) -> None:
    """With all that it follows from: the rule as it was given (a later version replaces it), cost, competitors."""
    listing = market.listing
    details = asdict(proposal) | {
        "rule": given.model_dump(mode="json"),
        "buy_cost_usd": listing.buy_cost_usd,
        "cost_rule_id": None if listing.cost_rule is None else listing.cost_rule.id,
        "guardrails": list(proposal.guardrails),
        "offers": [asdict(each) for each in market.competitors],
    }
    await connection.execute(
        _KEEP,
        market.listing_id,
        proposal.rule_version,
        proposal.mode.value,
        cents(proposal.current_usd),
        cents(proposal.price_usd),
        proposal.explanation,
        json.dumps(details, default=_plain),
    )


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is no part of a proposal")
