"""One run of a publish job: begin, list at the marketplace, record what came of it.

| what happens                       | then                                                                    |
|------------------------------------|-------------------------------------------------------------------------|
| the listing is live                | listing, match, draft and job say so                                    |
| the marketplace still works on it  | the same attempt, a little later                                        |
| it fails, and may succeed later    | failed, then retrying after the usual backoff, until attempts are spent |
| the draft is not approved any more | what is listed, or about to be, is withdrawn; failed for good           |
| its job is deleted amid all that   | the same: nothing goes live that the catalog does not know              |
| it cannot be listed as it is       | failed for good; the draft goes back to its authors, with the reason    |
| this process dies anywhere         | its lock runs out; another one goes on, and channels find what is there |
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.bus.tail import TopicUnreadable
from libs.channels.accounts import Channels, NoChannel
from libs.commands.errors import ReadModelBehind
from libs.db.errors import DatabaseAway, NotMigrated
from libs.exchange_rates.rates import OLDEST, NoRate, Rate
from libs.http.errors import ApiError, Later, NotFound, Refused
from libs.jobs import Job, JobFailed, RetryJob
from libs.jobs.backoff import Backoff
from libs.projection.live_build import OtherVersion
from libs.selling.channel import Listed, NotPublishable, NotYet, SalesChannel, Wanted, our_sku, required
from libs.telemetry.log import get_logger
from schemas.listing_drafts.listing_draft_changed import DraftStatus
from services.publisher.book import Begun, Book, Cancelled, Over
from services.publisher.prices import Limits, local_price, require_within
from services.publisher.rates import PublishedRates

log = get_logger()

_USD = "USD"
_CENT = Decimal("0.01")
_FULFILLED_BY_US = "FBM"
_AGAIN_SECONDS = 2.0
_NOT_NOW = (DatabaseAway, NotMigrated, KafkaAway, NotPublished, ReadModelBehind, OtherVersion)


@dataclass(frozen=True)
class Publishing:
    """What a run works with. `most_attempts`: tries of one publish job. `oldest_rate`: one older is none of the day."""

    book: Book
    channels: Channels
    rates: PublishedRates
    backoff: Backoff
    most_attempts: int
    oldest_rate: timedelta = OLDEST
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def __call__(self, job: Job) -> None:
        """The handler of the queue's jobs. Raises RetryJob and JobFailed, as libs.jobs asks."""
        job_id = int(str(job.payload["publish_job_id"]))
        try:
            begun = await self.book.begin(job_id)
        except Over as over:
            log.info("nothing to publish", publish_job_id=job_id, reason=str(over))
            if isinstance(over, Cancelled):
                await self._withdraw(over.draft)
            return
        except _NOT_NOW as error:
            raise _not_now(error) from error
        try:
            await self._publish(begun)
        except NotYet as error:
            if job.last_attempt:
                await self._failed(begun, str(error), for_good=True)
            raise RetryJob({"code": "NotYet", "msg": str(error)}, error.seconds) from error
        except (NotPublishable, NoChannel, Refused, NotFound) as error:
            await self._failed(begun, str(error), for_good=True)
        except (ApiError, NoRate, TopicUnreadable) as error:
            await self._failed(begun, f"{type(error).__name__}: {error}", for_good=False, error=error)
        except _NOT_NOW as error:
            raise _not_now(error) from error

    async def _withdraw(self, draft: Any) -> None:
        """Nothing of a cancelled publishing goes live later; while the marketplace is away the job comes again."""
        try:
            await self.channels.of(draft.channel, draft.market).withdraw(our_sku(draft.listing_draft_id))
        except NotYet as error:
            raise RetryJob({"code": "NotYet", "msg": str(error)}, error.seconds) from error
        except (NotPublishable, NoChannel, Refused, NotFound) as error:
            raise JobFailed({"code": "NotWithdrawn", "msg": str(error)}) from error

    async def _publish(self, begun: Begun) -> None:
        draft = begun.draft
        channel = self.channels.of(draft.channel, draft.market)
        if draft.status != DraftStatus.APPROVED:
            # An earlier run of this attempt may have listed it, before somebody changed his mind.
            await channel.withdraw(our_sku(draft.listing_draft_id))
            raise NotPublishable(f"the draft is {draft.status!r}, not approved")
        rate = await self._rate(channel.currency)
        limits = Limits(draft.suggested_price_usd, draft.min_price_usd, draft.max_price_usd)
        wanted = Wanted(
            sku=our_sku(draft.listing_draft_id),
            title=required(draft.payload_json, "title", channel.channel),
            quantity=_quantity(draft.payload_json),
            price=local_price(limits, channel.currency, rate),
            payload=draft.payload_json,
        )
        listed = await channel.publish(wanted)
        try:
            require_within(limits, listed.price, rate)
        except NotPublishable:
            await channel.take_off(listed.item_id, wanted.sku)
            raise
        now = await self.book.draft_status(draft.listing_draft_id)
        if now not in (DraftStatus.APPROVED, DraftStatus.PUBLISHED):
            await channel.withdraw(wanted.sku)
            raise NotPublishable(f"the draft is {now!r} by now, not approved: its listing was taken off")
        number = await self.book.record(self._listing(draft, channel, wanted, listed, rate))
        await self.book.link(draft.unified_product_id, number)
        await self.book.complete(begun)
        log.info(
            "published",
            publish_job_id=begun.publish_job_id,
            channel=channel.channel,
            item_id=listed.item_id,
            sku=wanted.sku,
            sell_listing_id=number,
            attempts=begun.attempts,
        )

    async def _rate(self, currency: str) -> Rate:
        """What one of a currency is in USD today; raises NoRate."""
        today = self.now().date()
        if currency == _USD:
            return Rate(Decimal(1), today)
        try:
            return (await self.rates.now()).rate(today, currency, _USD, self.oldest_rate)
        except NoRate:
            self.rates.forget()
            raise

    def _listing(self, draft: Any, channel: SalesChannel, wanted: Wanted, listed: Listed, rate: Rate) -> dict[str, Any]:
        return {
            "channel": channel.channel,
            "market": channel.market,
            "channel_item_id": listed.item_id,
            "title": wanted.title,
            "sell_price_original": listed.price.amount,
            "currency_original": listed.price.currency,
            "sell_price_usd": (listed.price.amount * rate.value).quantize(_CENT),
            "fx_rate_to_usd": rate.value,
            "fx_as_of_date": rate.as_of,
            "fulfillment_type": _FULFILLED_BY_US,
            "listing_timestamp": self.now(),
            "unified_product_id": draft.unified_product_id,
        }

    async def _failed(self, begun: Begun, told: str, *, for_good: bool, error: Exception | None = None) -> NoReturn:
        """Write the failure down, and end the run by it."""
        spent = begun.attempts >= self.most_attempts
        wait = self.backoff.seconds(max(1, begun.attempts))
        if isinstance(error, Later) and error.retry_after is not None:
            wait = max(wait, error.retry_after.total_seconds())
        try:
            await self.book.fail(begun, told, for_good=for_good or spent)
            if not for_good and not spent:
                await self.book.retry(begun, self.now() + timedelta(seconds=wait))
        except _NOT_NOW as away:
            raise _not_now(away) from away
        if for_good or spent:
            raise JobFailed({"code": "NotPublished", "msg": told})
        raise RetryJob({"code": type(error).__name__, "msg": told}, wait)


def _quantity(payload: dict[str, Any]) -> int:
    quantity = payload.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
        raise NotPublishable(f"payloadJson.quantity must be a whole number from 1, not {quantity!r}")
    return quantity


def _not_now(error: Exception) -> RetryJob:
    """Nothing can be written down: the run begins again, as the same attempt, however long that takes."""
    return RetryJob({"code": type(error).__name__, "msg": str(error)}, _AGAIN_SECONDS, counts=False)
