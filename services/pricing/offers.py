"""Stage one and a half: a buy offer and the matches that lead to it become parts of the matched products."""

import msgspec

from libs.pricing.product_state import BuyOffer, OfferPart
from services.pricing.messages import PRODUCTS, AboutOffer, MatchTold, Sent


class MatchedOffer(msgspec.Struct):
    """What is remembered of a buy offer. `products`: by match."""

    offer: BuyOffer | None = None
    products: dict[int, int] = {}


def joined(key: str, state: MatchedOffer, told: AboutOffer) -> list[Sent]:
    """Put a message into the offer's state; what that means for products. Twice the same is told twice."""
    offer_id, before = int(key), set(state.products.values())
    if isinstance(told, MatchTold):
        if told.product_id is None:
            state.products.pop(told.match_id, None)
        else:
            state.products[told.match_id] = told.product_id
    else:
        state.offer = told.offer
    now = set(state.products.values())
    gone = [Sent(PRODUCTS, str(product), OfferPart(offer_id, None)) for product in sorted(before - now)]
    return gone + [Sent(PRODUCTS, str(product), OfferPart(offer_id, state.offer)) for product in sorted(now)]
