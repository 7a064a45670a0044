"""What eBay's REST resources have in common: camelCase names, money as text, SKUs."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from libs.marketplaces.payload import Amount, Payload, as_json
from schemas.values import Json

Sku = Annotated[str, Field(min_length=1, max_length=200)]
"""The seller's own id of an item. eBay takes 50 letters and digits today; older items have longer and freer ones."""


class EbayPayload(Payload):
    """A JSON object of eBay's REST APIs: `listingPolicies` is `listing_policies`. Unknown fields are kept."""

    model_config = ConfigDict(alias_generator=to_camel)


class EbayAmount(EbayPayload):
    """`{"value": "85.0", "currency": "USD"}`: major units, exact."""

    value: Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")


def whole(payload: EbayPayload) -> Json:
    """A resource with all its fields under eBay's names, in JSON terms; fractions as text, so that they stay exact."""
    told: Json = as_json(payload)
    return told
