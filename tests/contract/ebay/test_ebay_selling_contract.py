"""The sales channel against a server generated from eBay's published contract of the Inventory API."""

from decimal import Decimal

import jsonschema
import pytest

from libs.marketplaces.ebay.selling import EbayChannel
from libs.selling.channel import Wanted
from schemas.values import Json, Money
from tests.contract.ebay.published import INVENTORY, published
from tests.contract.ebay.test_ebay_client_contract import served

DEFAULTS: Json = {
    "fulfillmentPolicyId": "6000000003",
    "paymentPolicyId": "6000000001",
    "returnPolicyId": "6000000002",
    "merchantLocationKey": "main",
    "categoryId": "15709",
}
PAYLOAD: Json = {
    "condition": "new",
    "brand": "Apple",
    "model": "A2890",
    "description": "Sealed",
    "images": ["https://images.invalid/1.jpg"],
    "aspects": {"Color": ["Black"]},
}


def wanted() -> Wanted:
    return Wanted("SS-1", "Apple iPhone 15", 2, Money(amount=Decimal("799.99"), currency="USD"), PAYLOAD)


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_written_is_what_the_contract_takes(seed):
    contract = published(*INVENTORY)
    async with served(contract, seed) as (ebay, mock):
        channel = EbayChannel(ebay, "US", DEFAULTS)
        listed = await channel.publish(wanted())
        assert mock.violations == []
        asked = [name for name, _, _ in mock.asked]
        assert asked[0] == "createOrReplaceInventoryItem"
        assert asked[-2:] == ["updateOffer", "publishOffer"]
        assert listed.item_id == mock.answered[-1]["listingId"]
        assert await ebay.publishing.create_offer({"sku": "SS-1", "marketplaceId": "EBAY_US", "format": "FIXED_PRICE"})
        await ebay.publishing.withdraw("1")
        assert mock.violations == []
        bodies = {name: body for name, _, body in mock.asked}
        jsonschema.Draft202012Validator(contract.closed("InventoryItem")).validate(
            bodies["createOrReplaceInventoryItem"]
        )
        jsonschema.Draft202012Validator(contract.closed("EbayOfferDetailsWithId")).validate(bodies["updateOffer"])
        made = channel._body(wanted(), {**DEFAULTS, **PAYLOAD})
        jsonschema.Draft202012Validator(contract.closed("EbayOfferDetailsWithKeys")).validate(made)
