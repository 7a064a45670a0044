"""What can go wrong at eBay, and the fate of the notification."""

from datetime import timedelta

from libs.access import fates
from libs.http.errors import ApiError


def fate_of(error: ApiError, unsettled: timedelta = timedelta(0)) -> Exception:
    """The outcome to raise: that of libs/access/fates.py. Blocked: the token lacks a scope."""
    return fates.fate_of(error, str(error), "it is gone, or not of these accounts", unsettled)
