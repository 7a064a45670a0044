"""The sellers, buyers and listings that exist from the start."""

from datetime import datetime, timedelta

from services.sandbox.mercadolibre.pool import Ids
from services.sandbox.mercadolibre.state import SITES, Item, Site, User
from services.sandbox.people import model_of, person, street, title
from services.sandbox.seeded import Stream, chance

_FIRST_PRODUCT = 15_000_000


class Population:
    """Who sells, who buys, and what is on offer."""

    def __init__(self, source: Stream, start: datetime, sellers: int, items_per_seller: int, buyers: int) -> None:
        self._source = source
        self._start = start
        self._users = Ids(source, 180_000_000, 90_000)
        self._items = Ids(source, 1_390_000_000, 900)
        self.sellers = [self._user(number, number) for number in range(sellers)]
        self.buyers = [self._user(1000 + number, source.randrange(sellers)) for number in range(buyers)]
        self.items = {item.id: item for seller in self.sellers for item in self._offers(seller, items_per_seller)}
        self._of_seller = {
            seller.id: [item for item in self.items.values() if item.seller is seller] for seller in self.sellers
        }

    def seller(self, user_id: int) -> User | None:
        return next((seller for seller in self.sellers if seller.id == user_id), None)

    def any_seller(self) -> User:
        return self._source.choice(self.sellers)

    def any_buyer(self, seller: User) -> User:
        """A buyer of the seller's country, or of any if it has none."""
        neighbours = [buyer for buyer in self.buyers if buyer.site is seller.site]
        return self._source.choice(neighbours or self.buyers)

    def any_item(self, seller: User | None = None) -> Item:
        return self._source.choice(self._of_seller[(seller or self.any_seller()).id])

    def list_item(
        self,
        seller: User,
        now: datetime,
        *,
        title: str,
        category_id: str,
        sku: str,
        condition: str,
        price: int,
        quantity: int,
    ) -> Item:
        """A seller lists another item."""
        item = Item(
            id=f"{seller.site.id}{self._items.next()}",
            seller=seller,
            title=title,
            product_id=None,
            category_id=category_id,
            sku=sku,
            variation_id=None,
            condition=condition,
            price=price,
            quantity=quantity,
            sold=0,
            status="active",
            created=now,
            updated=now,
        )
        self.items[item.id] = item
        self._of_seller[seller.id].append(item)
        return item

    def _user(self, number: int, country: int) -> User:
        who = person(self._source, number)
        return User(
            id=self._users.next(),
            nickname=who.nickname,
            first_name=who.first_name,
            last_name=who.last_name,
            email=who.email,
            site=SITES[country % len(SITES)],
            registered=self._start - timedelta(days=self._source.randint(30, 4000)),
            street=street(self._source),
        )

    def _offers(self, seller: User, number: int) -> list[Item]:
        return [self._item(seller) for _ in range(number)]

    def _item(self, seller: User) -> Item:
        source = self._source
        told = title(source)
        return Item(
            id=f"{seller.site.id}{self._items.next()}",
            seller=seller,
            title=told,
            product_id=_product(seller.site, told),
            category_id=f"{seller.site.id}{source.randint(1000, 99999)}",
            sku=f"DD{source.randint(1000, 9999)}-{source.randint(100, 999)}-{source.randint(34, 46)}",
            variation_id=source.randint(10**10, 10**11) if chance(source, 0.3) else None,
            condition="used" if chance(source, 0.2) else "new",
            price=source.randint(9_900, 450_000),
            quantity=source.randint(3, 60),
            sold=source.randint(0, 200),
            status="active",
            created=self._start - timedelta(days=source.randint(1, 700)),
            updated=self._start - timedelta(seconds=source.randint(1, 86_400)),
        )


def _product(site: Site, told: str) -> str | None:
    """The catalog product of a country that all sellers of a model share; every other model is in no catalog."""
    model = model_of(told)
    return f"{site.id}{_FIRST_PRODUCT + model}" if model % 2 == 0 else None
