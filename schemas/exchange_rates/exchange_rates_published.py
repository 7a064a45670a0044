"""exchange_rates.published: what a central bank says that currencies are worth, as of a day."""

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import DecimalString, UtcTime


class ExchangeRatesPublishedV1(Fact):
    """A day's reference rates were published, or corrected; this is all of them.

    Trigger: the bank's daily file holds a day that is not known, or other rates for it. Key: `{source}:{day}`. A later
    fact of the same day replaces an earlier one. `day` is the as-of date: where nothing was published, the last one
    holds.
    """

    source: str = Field(description="Who published them; `ecb` is the European Central Bank")
    day: date = Field(description="The day that the rates are of (the as-of date)")
    base: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        description="ISO 4217; one of it is so much of the others"
    )
    rates: dict[Annotated[str, Field(min_length=3, max_length=3)], DecimalString] = Field(
        min_length=1, description="By ISO 4217 code: how much of the currency one unit of the base is"
    )
    fetched_at: UtcTime

    def key(self) -> str:
        return f"{self.source}:{self.day.isoformat()}"


EVENT = EventFamily("exchange_rates.published", topic="exchange_rates", versions={1: ExchangeRatesPublishedV1})
