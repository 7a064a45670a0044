"""How much an item promises to a reseller: 0 to 100, made of named parts that each tell why.

A pure function of what is known about the item, its seller, and the prices that are asked for the same product. Each
part is a value of 0 to 1; its weight is a setting; a part whose inputs are not known is left out openly, and its weight
goes to the others in their proportion. `coverage` says how much of the weight was known.

| part         | 0                           | 1                              | grows with                 |
|--------------|-----------------------------|--------------------------------|----------------------------|
| price        | the 90th percentile, above  | the 10th percentile, below     | a lower price              |
| demand       | nothing sold                | `sold_full` sold (logarithmic) | what was sold              |
| seller       | red, no medal, all else bad | green, platinum, all else good | level, medal, sales, votes |
| stock        | none                        | `stock_full` pieces            | what is available          |
| shipping     | paid, arranged by seller    | free, from their warehouse     | free; a surer kind         |
| listing_type | free                        | gold_pro                       | what the seller pays for   |
| completeness | no attributes, no pictures  | all, `pictures_full` pictures  | attributes, pictures       |

The fields are MercadoLibre's (items, users' `seller_reputation`). No part falls when one of its inputs gets better.
"""

from decimal import Decimal, localcontext

from libs.marketplaces.mercadolibre.score_result import (
    CONTEXT,
    ItemFeatures,
    ItemScore,
    Judgement,
    PriceDistribution,
    ScoreWeights,
    SellerStanding,
    weigh,
)

ZERO, ONE = Decimal(0), Decimal(1)

LEVELS = {"1_red": "0", "2_orange": "0.25", "3_yellow": "0.5", "4_light_green": "0.75", "5_green": "1"}
MEDALS = {None: "0", "silver": "0.5", "gold": "0.75", "platinum": "1"}
LISTING_TYPES = {
    **{"free": "0", "bronze": "0.2", "silver": "0.4", "gold": "0.6"},
    **{"gold_special": "0.75", "gold_premium": "0.9", "gold_pro": "1"},
}
LOGISTICS = {
    **{"not_specified": "0", "custom": "0", "default": "0.2", "drop_off": "0.5", "xd_drop_off": "0.5"},
    **{"cross_docking": "0.6", "self_service": "0.8", "turbo": "0.9", "fulfillment": "1"},
}
"""How soon and how surely a parcel comes: MercadoLibre's own warehouse first, what the seller arranges last."""

Weighed = tuple[Decimal, Decimal, str]
"""Weight within the part, value, reason."""


def score_item(
    item: ItemFeatures,
    seller: SellerStanding | None = None,
    prices: PriceDistribution | None = None,
    weights: ScoreWeights | None = None,
) -> ItemScore:
    """Judge an item by what is known; the same inputs give the same score, to the last digit."""
    weights = weights or ScoreWeights()
    with localcontext(CONTEXT):
        judged = {
            "price": _price(item, prices, weights.least_prices),
            "demand": _demand(item.sold_quantity, weights.sold_full),
            "seller": _seller(seller),
            "stock": _stock(item.available_quantity, weights.stock_full),
            "shipping": _shipping(item),
            "listing_type": _listing_type(item.listing_type_id),
            "completeness": _completeness(item, weights.pictures_full),
        }
    return weigh(item.item_id, judged, weights)


def _price(item: ItemFeatures, prices: PriceDistribution | None, least: int) -> Judgement:
    if item.price is None or item.currency_id is None:
        return None, "the item's price is not known"
    if prices is None or prices.count < least:
        known = 0 if prices is None else prices.count
        return None, f"{known} prices of the same product are known; {least} make a distribution"
    if prices.currency_id != item.currency_id:
        return None, f"the item is priced in {item.currency_id}, the product's other offers in {prices.currency_id}"
    if prices.high > prices.low:
        value = _bounded((prices.high - item.price) / (prices.high - prices.low))
    else:
        value = ONE if item.price < prices.low else Decimal("0.5") if item.price == prices.low else ZERO
    where = "below" if item.price < prices.median else "above" if item.price > prices.median else "at"
    return value, (
        f"{item.price} {item.currency_id} is {where} the median of {prices.count} offers "
        f"({_short(prices.median)}; most are between {_short(prices.low)} and {_short(prices.high)})"
    )


def _demand(sold: int | None, full: int) -> Judgement:
    if sold is None:
        return None, "how many were sold is not known"
    value = _bounded(Decimal(1 + max(sold, 0)).ln() / Decimal(1 + full).ln())
    return value, f"{sold} sold; {full} are full demand"


def _seller(seller: SellerStanding | None) -> Judgement:
    if seller is None:
        return None, "nothing is known about the seller"
    parts: list[Weighed] = []
    if seller.level_id in LEVELS:
        parts.append((Decimal("0.4"), Decimal(LEVELS[seller.level_id]), f"level {seller.level_id}"))
        # Who has a level and no medal has none; who has neither is not known.
        medal = Decimal(MEDALS.get(seller.power_seller_status, "0"))
        parts.append((Decimal("0.2"), medal, f"medal {seller.power_seller_status or 'none'}"))
    if seller.transactions_total and seller.transactions_completed is not None:
        share = _bounded(Decimal(seller.transactions_completed) / Decimal(seller.transactions_total))
        told = f"{seller.transactions_completed} of {seller.transactions_total} sales completed"
        parts.append((Decimal("0.2"), share, told))
    if seller.positive_share is not None:
        share = _bounded(seller.positive_share)
        parts.append((Decimal("0.2"), share, f"{_short(share * 100)} % of the ratings positive"))
    return _mixed(parts, "the seller has no reputation yet")


def _stock(available: int | None, full: int) -> Judgement:
    if available is None:
        return None, "how many are available is not known"
    return _bounded(Decimal(available) / full), f"{available} available; {full} are enough"


def _shipping(item: ItemFeatures) -> Judgement:
    parts: list[Weighed] = []
    if item.free_shipping is not None:
        told = "free shipping" if item.free_shipping else "the buyer pays for shipping"
        parts.append((Decimal("0.6"), ONE if item.free_shipping else ZERO, told))
    if item.logistic_type in LOGISTICS:
        parts.append((Decimal("0.4"), Decimal(LOGISTICS[item.logistic_type]), f"shipped by {item.logistic_type}"))
    return _mixed(parts, "how it is shipped is not known")


def _listing_type(listing_type: str | None) -> Judgement:
    if listing_type not in LISTING_TYPES:
        return None, f"the listing type is {'not known' if listing_type is None else f'new to us: {listing_type}'}"
    return Decimal(LISTING_TYPES[listing_type]), f"listed as {listing_type}"


def _completeness(item: ItemFeatures, pictures_full: int) -> Judgement:
    parts: list[Weighed] = []
    if item.attributes_filled is not None and item.attributes_expected:
        share = _bounded(Decimal(item.attributes_filled) / item.attributes_expected)
        told = f"{item.attributes_filled} of {item.attributes_expected} attributes filled"
        parts.append((Decimal("0.7"), share, told))
    if item.pictures_count is not None:
        share = _bounded(Decimal(item.pictures_count) / pictures_full)
        parts.append((Decimal("0.3"), share, f"{item.pictures_count} pictures; {pictures_full} are enough"))
    return _mixed(parts, "neither attributes nor pictures are known")


def _mixed(parts: list[Weighed], otherwise: str) -> Judgement:
    """The weighed mean of what is known."""
    if not parts:
        return None, otherwise
    whole = sum((weight for weight, _, _ in parts), ZERO)
    value = sum((weight * value for weight, value, _ in parts), ZERO) / whole
    return _bounded(value), ", ".join(reason for _, _, reason in parts)


def _bounded(value: Decimal) -> Decimal:
    return min(max(value, ZERO), ONE)


def _short(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01")) if value.as_tuple().exponent != 0 else value
