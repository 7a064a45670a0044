"""The catalog's side of the latency benchmark: products that each differ by one kind of input, and their changes."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.commands.command import Command
from libs.commands.run import Commands
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.sequences import Sequences
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFER
from schemas.cost_rules.cost_rule_changed import ENTITY as RULE
from schemas.entity import Entity
from schemas.entity_documents import example_fact
from schemas.exchange_rates.exchange_rates_published import ExchangeRatesPublishedV1
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCT
from schemas.values import Money

KINDS = ("product", "match", "buy offer", "listing", "market data", "exchange rate", "cost rule")
"""Product number 1 belongs to the first, and so on; the cost rule's are all that come after, on their own channel."""

_CHANNELS = {"market data": "stockx", "cost rule": "ebay"}
_LISTED_ON = date(2026, 1, 15)


class Shop:
    """Writes facts by command, as the catalog does; market data and rates as their services do."""

    def __init__(self, commands: Commands, sequences: Sequences, publisher: Publisher, ruled: int) -> None:
        self._commands = commands
        self._sequences = sequences
        self._publisher = publisher
        self._ruled = ruled

    async def fill(self) -> None:
        """Products, one offer, match and listing of each, and rules; `ruled` products have the cost rule's channel."""
        for channel, category in (("amazon", "*"), ("amazon", "Sale"), ("stockx", "*"), ("ebay", "*")):
            fee = "0.10" if category == "Sale" else "0.15"
            await self._create(RULE, channel=channel, category=category, fee_percent=Decimal(fee))
        for number in range(1, len(KINDS) + self._ruled):
            kind = KINDS[min(number, len(KINDS)) - 1]
            names = {"model": f"M{number}", "ean_upc": str(number), "attributes_json": {}}
            await self._create(PRODUCT, **names)
            await self._create(OFFER, product_url=f"https://shop.example/{number}", buy_cost_usd=Decimal(500))
            await self._create(MATCH, unified_product_id=number, entity_id=number, confidence=Decimal(1))
            await self._create(
                LISTING,
                unified_product_id=number,
                channel=_CHANNELS.get(kind, "amazon"),
                channel_item_id=str(number),
                currency_original="MXN" if kind == "exchange rate" else "USD",
                sell_price_original=Decimal(16_000 if kind == "exchange rate" else 800),
                sell_price_usd=Decimal(800),
                fx_as_of_date=_LISTED_ON,
            )

    def products(self, kind: str) -> set[int]:
        """Whose opportunities change with it."""
        first = KINDS.index(kind) + 1
        return set(range(first, first + (self._ruled if kind == "cost rule" else 1)))

    async def change(self, kind: str, number: int) -> None:
        """The `number`th change of a kind (from 1): always another figure than before."""
        changes: Mapping[str, Callable[[int], Awaitable[None]]] = {
            "product": self._product,
            "match": self._match,
            "buy offer": lambda n: self._update(OFFER, 3, buy_cost_usd=Decimal(400 + n % 2)),
            "listing": lambda n: self._update(LISTING, 4, sell_price_usd=Decimal(900 + n % 2)),
            "market data": self._market,
            "exchange rate": self._rates,
            "cost rule": lambda n: self._update(RULE, 4, fee_percent=Decimal("0.12") + Decimal(n % 2) / 100),
        }
        await changes[kind](number)

    async def _product(self, number: int) -> None:
        await self._update(PRODUCT, 1, attributes_json={"category": "Sale" if number % 2 else "Usual"})

    async def _match(self, number: int) -> None:
        await self._update(MATCH, 2, confidence=Decimal("0.5") if number % 2 else Decimal(1))

    async def _market(self, number: int) -> None:
        market = MarketDataRecordedV1(
            platform="stockx",
            sku=f"M{KINDS.index('market data') + 1}",
            product_id="p",
            lowest_ask=Money(amount=Decimal(700 + number % 2), currency="USD"),
            updated_at=datetime.now(UTC),
        )
        await self._publisher.publish(Outgoing(market))

    async def _rates(self, number: int) -> None:
        rates = {"USD": Decimal("1.10"), "MXN": Decimal(22 + number % 2)}
        day = _LISTED_ON + timedelta(days=number)
        fact = ExchangeRatesPublishedV1(source="ecb", day=day, base="EUR", rates=rates, fetched_at=datetime.now(UTC))
        await self._publisher.publish(Outgoing(fact))

    async def _create(self, entity: Entity, **fields: Any) -> None:
        known = example_fact(entity).model_dump(include=set(entity.fields) - {entity.id_field})
        await self._decide(entity, Change(CREATE, fields=known | fields))

    async def _update(self, entity: Entity, number: int, **fields: Any) -> None:
        await self._decide(entity, Change(UPDATE, number, fields))

    async def _decide(self, entity: Entity, change: Change) -> None:
        sequence = await self._sequences.of(entity)

        async def work(command: Command) -> None:
            await decide(command, entity, [change], sequence, datetime.now(UTC))

        await self._commands.run(work)
