"""The database: sales as a reseller writes them down, seeded, most of them of goods that StockX has."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from services.sandbox.clock import Clock
from services.sandbox.seeded import stream, uuid
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.goods import Product

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sale:
    """A page. Notion tells edits by the minute."""

    id: str
    created: datetime
    edited: datetime
    title: str
    sku: str
    size: str | None
    gross: Decimal | None
    net: Decimal | None
    sold_on: str | None
    order_number: str | None
    platform: str = "StockX"
    status: str = "Sold"
    trashed: bool = False


class SalesDatabase:
    """The pages, in the order of their creation; the first one is the documents' own sale of HQ4276."""

    def __init__(self, seed: int, start: datetime, clock: Clock, catalogue: Catalogue, size: int) -> None:
        self._dice = stream(seed, "notion")
        self._clock = clock
        self._start = start
        self._catalogue = catalogue
        self._size = size
        self.id = uuid(self._dice)

    @cached_property
    def _sales(self) -> dict[str, Sale]:
        """Made when the first one is asked for: the catalogue is, too."""
        goods = [each for each in self._catalogue.products.values() if each.style_id]
        made = [
            self._made(number, goods[0] if number == 0 else self._dice.choice(goods)) for number in range(self._size)
        ]
        return {each.id: each for each in made}

    def _made(self, number: int, product: Product) -> Sale:
        day = self._start - timedelta(days=self._size - number)
        gross = Decimal(self._dice.randint(60, 300))
        style = product.style_id or ""
        return Sale(
            uuid(self._dice),
            _minute(day),
            _minute(day),
            product.title,
            style.replace("-", " ") if number % 5 == 4 else style,
            self._dice.choice(product.variants).size,
            gross,
            (gross * Decimal("0.87")).quantize(Decimal("0.01")),
            f"{day:%Y-%m-%d}",
            "55476797-55376556" if number == 0 else f"{self._dice.randint(10**7, 10**8)}-{number}",
        )

    def shown(self) -> list[Sale]:
        """What a query finds: pages in the trash are not among it."""
        return [each for each in self._sales.values() if not each.trashed]

    def find(self, page_id: str) -> Sale | None:
        """A page, in the trash or not."""
        return self._sales.get(page_id)

    def write(self, page_id: str | None, **cells: object) -> Sale | None:
        """Write a page, or a new one; None if there is no such page."""
        now = _minute(self._clock.now())
        if page_id is None:
            made = Sale(uuid(self._dice), now, now, "", "", None, None, None, None, None)
            return self._keep(replace(made, **cells))  # type: ignore[arg-type]  # its request's model has checked them
        known = self._sales.get(page_id)
        return None if known is None else self._keep(replace(known, edited=now, **cells))  # type: ignore[arg-type]  # as above

    def _keep(self, sale: Sale) -> Sale:
        self._sales[sale.id] = sale
        return sale


def _minute(moment: datetime) -> datetime:
    return moment - (moment - moment.min.replace(tzinfo=moment.tzinfo)) % _MINUTE
