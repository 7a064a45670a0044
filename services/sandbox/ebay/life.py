"""What happens at eBay, as far as it is notified."""

import base64
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.ebay.keys import Keys
from services.sandbox.ebay.notices import EbayNotice
from services.sandbox.people import person, title
from services.sandbox.seeded import stream, uuid


class Life:
    """The seeded world of eBay: listings that come and go, orders, users that delete their account."""

    def __init__(self, seed: int, start: datetime, keys: Keys) -> None:
        self._source = stream(seed, "ebay")
        self._keys = keys
        self.now = start
        self._users = 0
        self._order_numbers = 0
        self.seller = person(self._source, 1).nickname.lower()
        self.items: dict[str, dict[str, Any]] = {
            item_id: self._item(item_id) for item_id in (str(110_100_000_000 + 7 * number) for number in range(20))
        }
        self.orders: list[dict[str, Any]] = []

    def step(self, poison: str | None = None) -> list[EbayNotice]:
        """The next change: most are sales, which are notified once per line item."""
        source = self._source
        self.now += timedelta(milliseconds=source.randint(1_000, 45_000))
        luck = source.random()
        if luck < 0.15:
            return [self._deletion(poison)]
        if luck < 0.45:
            return [self._availability(poison)]
        return self._order(poison)

    def _item(self, item_id: str) -> dict[str, Any]:
        source = self._source
        return {
            "itemId": item_id,
            "title": title(source),
            "categoryId": str(source.randint(1000, 99_999)),
            "availability": "AVAILABLE",
        }

    def deletion(self, username: str) -> EbayNotice:
        """A certain user closes their account."""
        token = base64.b64encode(self._source.randbytes(24)).decode()
        data = {"username": username, "userId": token[:11], "eiasToken": token}
        return self._notice("MARKETPLACE_ACCOUNT_DELETION", data["userId"], data, None)

    def _deletion(self, poison: str | None) -> EbayNotice:
        self._users += 1
        source = self._source
        user = person(source, self._users)
        token = base64.b64encode(source.randbytes(24)).decode()
        data = {"username": user.nickname.lower(), "userId": token[:11], "eiasToken": token}
        return self._notice("MARKETPLACE_ACCOUNT_DELETION", data["userId"], data, poison)

    def _availability(self, poison: str | None) -> EbayNotice:
        item = self._source.choice(list(self.items.values()))
        states = ("AVAILABLE", "TEMPORARILY_UNAVAILABLE", "UNAVAILABLE")
        item["availability"] = self._source.choice([state for state in states if state != item["availability"]])
        data = {
            "itemId": item["itemId"],
            "listingMarketplaceId": "EBAY_US",
            "buyingOptions": ["FIXED_PRICE"],
            "seller": {"username": self.seller},
            "categoryId": item["categoryId"],
            "availability": item["availability"],
        }
        return self._notice("ITEM_AVAILABILITY", item["itemId"], data, poison)

    def _order(self, poison: str | None) -> list[EbayNotice]:
        """The data keys of ORDER_CONFIRMATION are not confirmed but for an order id: these are the plausible ones."""
        source = self._source
        self._order_numbers += 1
        order_id = (
            f"{source.randint(10, 27):02d}-{source.randint(10_000, 99_999)}-{10_000 + self._order_numbers % 90_000}"
        )
        lines = [
            {"lineItemId": str(10_000_000_000 + source.randrange(10**10)), "itemId": source.choice(list(self.items))}
            for _ in range(source.choice((1, 1, 1, 2)))
        ]
        self.orders.append({"orderId": order_id, "lineItems": lines, "creationDate": self.now})
        return [
            self._notice("ORDER_CONFIRMATION", order_id, {"orderId": order_id, "username": self.seller, **line}, poison)
            for line in lines
        ]

    def _notice(self, topic: str, resource: str, data: dict[str, Any], poison: str | None) -> EbayNotice:
        source = self._source
        return EbayNotice(
            keys=self._keys,
            topic=topic,
            resource=resource,
            id=uuid(source),
            event_date=self.now,
            publish_date=self.now + timedelta(milliseconds=source.randint(80, 900)),
            data=data,
            poison=poison,
        )
