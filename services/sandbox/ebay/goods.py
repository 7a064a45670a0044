"""An inventory item and its offers, made from the seed: the same number and version give the same bytes.

Official shape: Inventory API 1.18, `InventoryItemWithSkuLocaleGroupid` and `EbayOfferDetailsWithAll`. Condition words
are those of the contract's text, among them retired and newer ones.
"""

from dataclasses import dataclass
from typing import Any

from services.sandbox.ebay.draw import Draw

_BRANDS = ("Nike", "Adidas", "Löwe", "New Balance", "Tamiya", "Bosch")
_KINDS = ("Dunk Low", "Steuergerät", "Gel-Kayano 14", "Lens 50mm f/1.8", "Tête de lecture", "Headlight Assembly")
_CONDITIONS = (
    "NEW", "NEW", "NEW", "NEW_OTHER", "NEW_WITH_DEFECTS", "LIKE_NEW", "SELLER_REFURBISHED", "CERTIFIED_REFURBISHED",
    "USED_EXCELLENT", "USED_VERY_GOOD", "USED_GOOD", "USED_ACCEPTABLE", "FOR_PARTS_OR_NOT_WORKING",
)  # fmt: skip
_PART_NUMBER_NAMES = ("Part Number", "MPN", "Brand Part Number")
_MODEL_NAMES = ("Model", "Model Number")

FIRST_LISTING = 110_100_000_000
FIRST_OFFER = 5_852_000_000


@dataclass(frozen=True, slots=True)
class Good:
    """Which item: of which seller (a seed), its number in that seller's inventory, and how often it changed."""

    seed: str
    number: int
    version: int = 0
    sold_out: bool = False

    @property
    def sku(self) -> str:
        return f"SKU{self.number:07d}"

    @property
    def listing_id(self) -> str:
        return str(FIRST_LISTING + 7 * self.number)


def sku_number(sku: str) -> int | None:
    """The number of the item with this SKU, None if no item has such a one."""
    digits = sku.removeprefix("SKU")
    return int(digits) if len(sku) == 10 and len(digits) == 7 and digits.isascii() and digits.isdigit() else None


def listing_number(listing_id: str) -> int | None:
    """The number of the item behind a listing."""
    if not (listing_id.isascii() and listing_id.isdigit() and len(listing_id) < 20):
        return None
    number, left = divmod(int(listing_id) - FIRST_LISTING, 7)
    return number if left == 0 and number >= 0 else None


def quantity(good: Good) -> int:
    """Units on stock."""
    return 0 if good.sold_out else Draw(f"{good.seed}/{good.number}/stock/{good.version}").below(40)


def price(good: Good) -> str:
    """`85.0`, `129.99`: as eBay writes amounts."""
    cents = 500 + Draw(f"{good.seed}/{good.number}/price/{good.version}").below(50_000)
    return f"{cents // 100}.{cents % 100 // 10}" if cents % 10 == 0 else f"{cents // 100}.{cents % 100:02d}"


def item(good: Good) -> dict[str, Any]:
    """The item in the official shape. Some lack a product's parts, as real ones do."""
    draw = Draw(f"{good.seed}/{good.number}/item")
    brand, kind = draw.choice(_BRANDS), draw.choice(_KINDS)
    part = f"{brand[:2].upper()}{1000 + draw.below(9000)}-{draw.below(1000):03d}"
    aspects: dict[str, list[str]] = {"Brand": [brand]}
    if draw.chance(80):
        aspects[draw.choice(_PART_NUMBER_NAMES)] = [part]
    if draw.chance(60):
        aspects[draw.choice(_MODEL_NAMES)] = [kind]
    if draw.chance(30):
        aspects["Colour"] = ["Black", "White"][: 1 + draw.below(2)]
    product: dict[str, Any] = {"title": f"{brand} {kind} – {part}", "aspects": aspects, "brand": brand}
    if draw.chance(70):
        product["mpn"] = part
    if draw.chance(50):
        product["description"] = f"<p>{brand} {kind}, geprüft & verpackt.</p>"
    if photos := draw.below(7):
        product["imageUrls"] = [f"https://images.sandbox.invalid/{good.sku}/{each}.jpg" for each in range(photos)]
    units = quantity(good)
    made: dict[str, Any] = {
        "sku": good.sku,
        "locale": "en_US",
        "product": product,
        "condition": draw.choice(_CONDITIONS),
        "availability": {
            "shipToLocationAvailability": {
                "quantity": units,
                "allocationByFormat": {"auction": 0, "fixedPrice": units},
            }
        },
    }
    if draw.chance(40):
        made["conditionDescription"] = "Light wear – see photos"
    if draw.chance(30):
        made["packageWeightAndSize"] = {
            "dimensions": {"height": 5, "length": 12, "width": 8, "unit": "INCH"},
            "weight": {"value": 2, "unit": "POUND"},
        }
    if draw.chance(5):
        made["groupIds"] = [f"GROUP{good.number % 100}"]
    return made


def offers(good: Good) -> list[dict[str, Any]]:
    """The item's offers in the official shape: none (10%), one, or a second one as an auction (10%)."""
    draw = Draw(f"{good.seed}/{good.number}/offers")
    luck = draw.below(100)
    if luck < 10:
        return []
    formats = ("FIXED_PRICE", "AUCTION") if luck >= 90 else ("FIXED_PRICE",)
    return [_offer(good, draw, each, place) for place, each in enumerate(formats)]


def _offer(good: Good, draw: Draw, listing_format: str, place: int) -> dict[str, Any]:
    amount = {"value": price(good), "currency": "USD"}
    auction = listing_format == "AUCTION"
    made: dict[str, Any] = {
        "offerId": str(FIRST_OFFER + 2 * good.number + place),
        "sku": good.sku,
        "marketplaceId": "EBAY_US",
        "format": listing_format,
        "availableQuantity": 1 if auction else quantity(good),
        "pricingSummary": {"auctionStartPrice": amount} if auction else {"price": amount},
        "listingPolicies": {
            "paymentPolicyId": "6000000001",
            "returnPolicyId": "6000000002",
            "fulfillmentPolicyId": "6000000003",
            "eBayPlusIfEligible": False,
        },
        "categoryId": str(1000 + draw.below(90_000)),
        "merchantLocationKey": "main",
        "tax": {"applyTax": False},
        "listingDuration": "DAYS_7" if auction else "GTC",
    }
    if draw.chance(80):
        state = "OUT_OF_STOCK" if not made["availableQuantity"] else "ACTIVE"
        listing_id = good.listing_id if not auction else str(int(good.listing_id) + 1)
        made["listing"] = {"listingId": listing_id, "listingStatus": state, "soldQuantity": draw.below(9)}
        made["status"] = "PUBLISHED"
    else:
        made["status"] = "UNPUBLISHED"
    return made
