"""What happens at MercadoLibre, one change at a time."""

from datetime import datetime, timedelta

from services.sandbox.mercadolibre.after_sale import AfterSale
from services.sandbox.mercadolibre.offers import Offers
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.sales import Sales
from services.sandbox.mercadolibre.shipping import Shipping
from services.sandbox.mercadolibre.state import Change
from services.sandbox.seeded import stream, uuid


class Life:
    """The seeded world of MercadoLibre. Its own time goes on with each change, never with the clock."""

    def __init__(self, seed: int, start: datetime, sellers: int, items_per_seller: int, buyers: int) -> None:
        self._source = stream(seed, "mercadolibre")
        self.now = start
        self.population = Population(self._source, start, sellers, items_per_seller, buyers)
        self.shipping = Shipping(self._source)
        self.sales = Sales(self._source, self.population, self.shipping)
        self.offers = Offers(self._source, self.population)
        self.after_sale = AfterSale(seed, self.sales)

    def tick(self) -> datetime:
        """Time passes. Resources tell whole seconds, so that every change has a later `last_updated`."""
        self.now += timedelta(seconds=self._source.randint(1, 45))
        return self.now

    def step(self) -> list[Change]:
        """The next change."""
        now = self.tick()
        luck = self._source.random()
        if luck < 0.40 and len(self.sales.open_orders):
            return self.sales.advance(now)
        if 0.40 <= luck < 0.72 and len(self.shipping.moving):
            return self.shipping.advance(now)
        if 0.72 <= luck < 0.80:
            settle = len(self.offers.open_questions) > 0 and self._source.random() < 0.55
            return self.offers.settle(now) if settle else self.offers.ask(now)
        if 0.80 <= luck < 0.88:
            return self.offers.revise(now)
        if 0.88 <= luck < 0.90:
            drawn, seller = uuid(self._source).replace("-", ""), self.population.any_seller()
            return self.after_sale.happen(seller, drawn, now) or self.offers.ask(now)
        return self.sales.place(now)[1]
