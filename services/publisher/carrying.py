"""The price of a listing that we published, carried to its marketplace: the work that live repricing asks for.

| what happens                                     | then                                                            |
|--------------------------------------------------|-----------------------------------------------------------------|
| the marketplace has taken the price              | the proposal says so (`carried_at`)                             |
| the listing's price was changed meanwhile        | the newer one is put: the last word is always the catalog's     |
| the listing is off, gone, or not ours            | nothing is done, and the proposal says why (`carry_error`)      |
| the price is beyond its draft's minimum, maximum | likewise: the marketplace keeps its price                       |
| the marketplace is away, too fast, at work on it | again after the usual backoff                                   |
| this process dies anywhere                       | its lock runs out; another one puts it again: no harm           |
"""

from dataclasses import dataclass
from typing import Any

from libs.channels.accounts import Channels, NoChannel
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.entities.finding import rows
from libs.http.errors import ApiError, Later, NotFound, Refused
from libs.jobs import Job, JobFailed, RetryJob
from libs.selling.channel import NotPublishable, NotYet, Wanted, our_sku, required
from libs.telemetry.log import get_logger
from schemas.listing_drafts.listing_draft_changed import ENTITY as DRAFT
from schemas.listing_drafts.listing_draft_changed import DraftStatus
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.values import Money
from services.publisher.book import PUBLISHED

log = get_logger()

_AGAIN_SECONDS = 2.0
_LONGEST_ERROR = 1_000
_MOST_ROUNDS = 5


class NotCarried(Exception):
    """The price does not go to the marketplace; the text says why. Trying again is no use."""


@dataclass(frozen=True)
class Carrying:
    """The handler of the queue's jobs."""

    database: Database
    channels: Channels

    async def __call__(self, job: Job) -> None:
        """Raises RetryJob and JobFailed, as libs.jobs asks."""
        proposal = int(str(job.payload["proposal_id"]))
        try:
            await self._carry(int(str(job.payload["sell_listing_id"])))
            await self._note(proposal, None)
        except (DatabaseAway, NotMigrated) as error:
            raise RetryJob({"code": type(error).__name__, "msg": str(error)}, _AGAIN_SECONDS) from error
        except (NotCarried, NotPublishable, NoChannel, Refused, NotFound) as error:
            await self._note(proposal, str(error))
            raise JobFailed({"code": "NotCarried", "msg": str(error)}) from error
        except (NotYet, ApiError) as error:
            await self._note(proposal, str(error))
            raise RetryJob({"code": type(error).__name__, "msg": str(error)}, _wait(error)) from error

    async def _carry(self, listing_id: int) -> None:
        """Put the price that the listing has, until it has no newer one."""
        for _ in range(_MOST_ROUNDS):
            listing = await self._listing(listing_id)
            await self._put(listing, await self._drafts(listing))
            if (await self._listing(listing_id)).sell_price_original == listing.sell_price_original:
                return
        raise NotYet("the listing's price changes all the time", _AGAIN_SECONDS)

    async def _put(self, listing: Any, drafts: list[Any]) -> None:
        channel = self.channels.of(listing.channel, listing.market)
        if listing.currency_original != channel.currency:
            raise NotCarried(f"the listing is in {listing.currency_original}, its channel sells in {channel.currency}")
        price = Money(amount=listing.sell_price_original, currency=channel.currency)
        for draft in drafts:
            if not draft.min_price_usd <= listing.sell_price_usd <= draft.max_price_usd:
                raise NotCarried(
                    f"{listing.sell_price_usd} USD is not within {draft.min_price_usd} and {draft.max_price_usd} USD "
                    f"of draft {draft.listing_draft_id}: the marketplace keeps its price"
                )
            wanted = Wanted(
                sku=our_sku(draft.listing_draft_id),
                title=required(draft.payload_json, "title", channel.channel),
                quantity=1,
                price=price,
                payload=draft.payload_json,
            )
            if await channel.reprice(listing.channel_item_id, wanted):
                log.info(
                    "price carried", sell_listing_id=listing.sell_listing_id, channel=channel.channel, sku=wanted.sku
                )
                return
        raise NotCarried(f"{listing.channel_item_id} is not on sale there under an SKU of ours")

    async def _listing(self, number: int) -> Any:
        async with self.database.connection() as connection:
            (row,) = await rows(connection, LISTING, sell_listing_id=number) or [None]
            ours = await rows(connection, MATCH, entity_type="sell", entity_id=number, match_method=PUBLISHED)
        if row is None or not ours:
            raise NotCarried(
                "the publisher made no such listing, or it is gone: its price is somebody else's to change"
            )
        return row

    async def _drafts(self, listing: Any) -> list[Any]:
        """The drafts that the listing may have been published from, the newest first."""
        async with self.database.connection() as connection:
            found = await rows(
                connection,
                DRAFT,
                unified_product_id=listing.unified_product_id,
                channel=listing.channel,
                market=listing.market,
                status=[str(DraftStatus.APPROVED), str(DraftStatus.PUBLISHED)],
            )
        return list(reversed(found))

    async def _note(self, proposal: int, error: str | None) -> None:
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE pricing.price_proposals SET carry_error = $2, "
                "carried_at = CASE WHEN $2::text IS NULL THEN now() ELSE carried_at END WHERE id = $1",
                proposal,
                None if error is None else error[:_LONGEST_ERROR],
            )


def _wait(error: Exception) -> float | None:
    """Seconds, where somebody has told them; None: the usual backoff."""
    if isinstance(error, NotYet):
        return error.seconds
    if isinstance(error, Later) and error.retry_after is not None:
        return error.retry_after.total_seconds()
    return None
