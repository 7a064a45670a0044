"""What MercadoLibre says of sellers, remembered for a while: many items are of one seller."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.items import look_at_seller
from libs.marketplaces.mercadolibre.payloads_search import PublicUser

MOST = 10_000


@dataclass(frozen=True)
class _Known:
    user: PublicUser | None
    until: datetime


class Sellers:
    """`keep`: how long an answer counts; also the answer that nothing is told."""

    def __init__(self, keep: timedelta, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._keep = keep
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def look(self, client: MercadoLibre, seller_id: str) -> PublicUser | None:
        """Who sells, as far as it is told. Raises an ApiError."""
        now = self._now()
        known = self._known.get(seller_id)
        if known is not None and known.until > now:
            return known.user
        user = await look_at_seller(client, seller_id)
        self._known[seller_id] = _Known(user, now + self._keep)
        self._known.move_to_end(seller_id)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return user
