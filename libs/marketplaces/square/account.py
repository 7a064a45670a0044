"""Square's contract, and what is configured for a subscription."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from libs.marketplaces.accounts import Secret
from libs.marketplaces.contract import AccountSettings, Answer, Contract

SIGNATURE = "x-square-hmacsha256-signature"
LEGACY_SIGNATURE = "x-square-signature"

CONTRACT = Contract(
    marketplace="square",
    success=frozenset(range(200, 300)),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=10),
    retries="Up to 11 retries within 24 hours, at growing distances from 1 minute to 8 hours, then dropped.",
    kept_headers=(
        SIGNATURE,
        "square-environment",
        "square-initial-delivery-timestamp",
        "square-retry-number",
        "square-retry-reason",
    ),
    read_headers=(LEGACY_SIGNATURE,),
)


class SquareAccount(AccountSettings):
    """A webhook subscription and the merchants that it is about.

    `notification_url` is the registered URL, character for character; it is never derived from the request, because a
    proxy changes that. `signature_keys` are several while a key is being replaced.
    """

    notification_url: str = Field(pattern=r"^https?://[\x21-\x7e]+$", max_length=2048)
    signature_keys: tuple[Secret, ...] = Field(min_length=1, max_length=5)
    merchant_ids: frozenset[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = Field(min_length=1)
