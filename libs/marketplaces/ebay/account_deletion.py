"""eBay's marketplace account deletion notice: which user's data must go.

https://developer.ebay.com/marketplace-account-deletion: every application that keeps users' data must take it, and
delete that data so that nobody can bring it back. `userId` never changes; `username` is what orders name a buyer by
(for some users it has been the id instead of a name since 2025-09), so both are that person.
"""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.marketplaces.payload import Malformed
from schemas.registry import summary

TOPIC = "MARKETPLACE_ACCOUNT_DELETION"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Data(_Part):
    username: str | None = None
    user_id: str = Field(alias="userId", min_length=1)


class _Notification(_Part):
    notification_id: str = Field(alias="notificationId", min_length=1)
    data: _Data


class _Body(_Part):
    notification: _Notification


class AccountDeletion(_Part):
    """A user closed their account. `ids` are the user's names at eBay; `notification_id` is the same over retries."""

    notification_id: str
    ids: tuple[str, ...]


def read_account_deletion(body: bytes) -> AccountDeletion:
    """The notice in a webhook's body; raise Malformed."""
    try:
        told = _Body.model_validate_json(body).notification
    except ValidationError as error:
        raise Malformed(f"{TOPIC}: {summary(error)}") from None
    names = (told.data.user_id, told.data.username)
    return AccountDeletion(
        notification_id=told.notification_id, ids=tuple(dict.fromkeys(name for name in names if name))
    )
