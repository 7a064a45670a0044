"""What one partition knows: its products, all cost rules, the latest exchange rates; and what follows from them.

The state is in tables (`<partition>/<id>` → JSON), the figures that no rule changes are held ready beside them: after a
change of a rule only profit is computed anew, in columns. Nothing here knows Kafka or a clock.
"""

from collections.abc import Callable, Iterator, MutableMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

import msgspec

from libs.exchange_rates.ecb import DailyRates
from libs.exchange_rates.rates import ExchangeRates, NoRate
from libs.pricing.cost_rules import CostRules, NoCostRule
from libs.pricing.opportunities import Figures, opportunities
from libs.pricing.outliers import Competitor
from libs.pricing.product_state import Listing, Part, Product, apply
from libs.pricing.quoting import Place, Quote, as_listed, quotes
from libs.pricing.repricing_rule import NEW, Priced
from services.pricing.messages import AboutProduct, RatesTold, RuleTold, decode_shared, encode

Table = MutableMapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Market:
    """A listing as the repricer sees it, and who competes with it.

    `in_usd`: its own currency is the US dollar; prices in others are not changed by us.
    """

    listing_id: int
    listing: Priced
    competitors: tuple[Competitor, ...]
    in_usd: bool


Computed = list[tuple[Place, Figures | None]]
"""Each opportunity that there is, and each place where there is none (any more)."""

USD = "USD"
CHANNEL_CONDITIONS = {"stockx": NEW}
"""Channels that take goods of one condition only: what they tell of their market is of it (StockX: unworn, boxed)."""
_RATES = "rates"
_BATCH = 10_000
_PART = 100
"""Products: so many are written in about half a second, and a product that changes waits no longer than that."""
_product = msgspec.json.Decoder(Product).decode
_encode = msgspec.json.Encoder().encode


class Board:
    """One partition's state."""

    def __init__(self, partition: int, products: Table, shared: Table) -> None:
        self._prefix = f"{partition}/"
        self._products = products
        self._shared = shared
        self._quotes: dict[int, tuple[tuple[Place, Quote | None], ...]] | None = None
        self._price: Callable[[Listing], Decimal] | None = None
        self._rules: CostRules | None = None

    def change(self, product_id: int, part: Part) -> None:
        """Put a change into a product's state."""
        state = self._state(product_id)
        apply(state, part)
        self._keep(product_id, state)
        if self._quotes is not None:
            self._quotes[product_id] = self._quoted(product_id, state)

    def of_products(self, ids: set[int], day: date) -> Computed:
        """The opportunities of some products."""
        found = [
            each
            for product_id in sorted(ids)
            for each in (
                self._quotes.get(product_id, ())
                if self._quotes is not None
                else self._quoted(product_id, self._state(product_id))
            )
        ]
        return self._computed(found, day)

    def listings(self, products: set[int] | None = None) -> dict[int, int]:
        """Listings with their products; of some products, or of all."""
        states = self._states() if products is None else ((number, self._state(number)) for number in products)
        return {listing: number for number, state in states for listing in state.listings}

    def market(self, product_id: int, listing_id: int, day: date, ours: AbstractSet[int] = frozenset()) -> Market:
        """A listing among the others on its channel and market; what it costs and which rule holds, where known.

        `ours`: listings of our own, which are no competitors of it.
        """
        state, price = self._state(product_id), self._usd()
        own = state.listings[listing_id]
        others = [
            Competitor(f"listing {number}", price(each), state.condition)
            for number, each in sorted(state.listings.items())
            if number not in ours | {listing_id} and (each.channel, each.market) == (own.channel, own.market)
        ]
        view = state.markets.get(own.channel)
        ask = None if view is None or own.channel in state.own_asks else view.lowest_ask_usd
        if ask is not None and ask != price(own):
            others.append(Competitor(own.channel, ask, CHANNEL_CONDITIONS.get(own.channel)))
        try:
            rule = self._cost_rules().on(day, own.channel, own.market, state.category)
        except NoCostRule:
            rule = None
        cost = min((offer.cost_usd for offer in state.offers.values()), default=None)
        listing = Priced(price(own), buy_cost_usd=cost, cost_rule=rule)
        return Market(listing_id, listing, tuple(others), own.currency == USD)

    def to_write(self, computed: Computed) -> Computed:
        """What has to be written. Noted before it is: where there is none, only what we wrote ourselves is deleted."""
        due: Computed = []
        for place, figures in computed:
            product_id, *where = place
            state = self._state(product_id)
            known = tuple(where) in state.written
            if figures is not None or known:
                due.append((place, figures))
            if figures is not None and not known:
                state.written.add((place[1], place[2]))
                self._keep(product_id, state)
        return due

    def written(self, computed: Computed) -> None:
        """Forget what was deleted: who writes such an opportunity now is somebody else."""
        for place, figures in computed:
            if figures is None:
                state = self._state(place[0])
                state.written.discard((place[1], place[2]))
                self._keep(place[0], state)

    def share(self, told: RuleTold | RatesTold) -> bool:
        """Remember a cost rule or rates; whether that changes anything."""
        key = f"{self._prefix}{_key(told)}"
        before = self._shared.get(key)
        if isinstance(told, RatesTold):
            known = None if before is None else decode_shared(before)
            if isinstance(known, RatesTold) and told.day < known.day:
                return False
            self._price = self._quotes = None
        else:
            self._rules = None
        after = encode(told)
        if before == after or (before is None and isinstance(told, RuleTold) and told.rule is None):
            return False
        self._shared[key] = after
        return True

    def parts(self) -> Iterator[set[int]]:
        """All products that there are now, some at a time; those that come meanwhile are none of them."""
        numbers = iter(list(self._ready()))
        while some := set(islice(numbers, _PART)):
            yield some

    def everything(self, day: date) -> Iterator[Computed]:
        """The opportunities of all products, some thousands at a time."""
        every = (each for quoted in self._ready().values() for each in quoted)
        while some := list(islice(every, _BATCH)):
            yield self._computed(some, day)

    def _ready(self) -> dict[int, tuple[tuple[Place, Quote | None], ...]]:
        if self._quotes is None:
            self._quotes = {number: self._quoted(number, state) for number, state in self._states()}
        return self._quotes

    def _computed(self, found: list[tuple[Place, Quote | None]], day: date) -> Computed:
        quoted = [quote for _, quote in found if quote is not None]
        figures = iter(opportunities(quoted, self._cost_rules(), day))
        return [(place, None if quote is None else next(figures)) for place, quote in found]

    def _state(self, product_id: int) -> Product:
        stored = self._products.get(f"{self._prefix}{product_id}")
        return Product() if stored is None else _product(stored)

    def _keep(self, product_id: int, state: Product) -> None:
        self._products[f"{self._prefix}{product_id}"] = _encode(state)

    def _states(self) -> Iterator[tuple[int, Product]]:
        for key, stored in self._products.items():
            if key.startswith(self._prefix):
                yield int(key.removeprefix(self._prefix)), _product(stored)

    def _quoted(self, product_id: int, state: Product) -> tuple[tuple[Place, Quote | None], ...]:
        return tuple(quotes(product_id, state, self._usd()))

    def _known(self) -> Iterator[RuleTold | RatesTold]:
        for key, stored in self._shared.items():
            if key.startswith(self._prefix):
                yield decode_shared(stored)

    def _cost_rules(self) -> CostRules:
        if self._rules is None:
            told = (one.rule for one in self._known() if isinstance(one, RuleTold))
            self._rules = CostRules(rule for rule in told if rule is not None)
        return self._rules

    def _usd(self) -> Callable[[Listing], Decimal]:
        if self._price is None:
            latest = next((one for one in self._known() if isinstance(one, RatesTold)), None)
            self._price = as_listed if latest is None else _converting(latest)
        return self._price


def _key(told: RuleTold | RatesTold) -> str:
    return _RATES if isinstance(told, RatesTold) else f"rule/{told.rule_id}"


def _converting(latest: RatesTold) -> Callable[[Listing], Decimal]:
    """Prices with the bank's latest rates, where these are newer than what the listing was converted with."""
    rates = ExchangeRates([DailyRates(latest.day, latest.per_euro)])

    def price(listing: Listing) -> Decimal:
        if listing.currency == USD or latest.day <= listing.fx_as_of:
            return listing.price_usd
        try:
            return rates.convert(listing.price_original, latest.day, listing.currency, USD).amount
        except NoRate:
            return listing.price_usd

    return price


def is_shared(told: AboutProduct) -> bool:
    """Whether a message goes to every partition."""
    return isinstance(told, RuleTold | RatesTold)
