"""What can go wrong at MercadoLibre, and the fate of the notification."""

from datetime import timedelta

from libs.access import fates
from libs.bus.outcome import ErrorClass, Reject
from libs.http.errors import ApiError
from libs.marketplaces.mercadolibre.client import NotOurs, reason


def fate_of(error: ApiError, unsettled: timedelta) -> Exception:
    """The outcome to raise: that of libs/access/fates.py. Blocked: MercadoLibre's PolicyAgent, or rights.

    NotOurs, somebody else's resource, is rejected (`policy`).
    """
    text = f"{error.operation}: {reason(error)}"
    if isinstance(error, NotOurs):
        return Reject(text, ErrorClass.POLICY)
    return fates.fate_of(error, text, "it is gone, or the hint was false", unsettled)
