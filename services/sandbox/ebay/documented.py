"""The shapes as the sync document has them, made from the official ones: where the two differ, both can be had.

Differences: an item tells price, category and offers; aspects are single texts; an offer's listing id, price and dates
stand at its top; statuses say ENDED where the official ones say UNPUBLISHED.
"""

from typing import Any

_DAYS = 28


def item(official: dict[str, Any], offers: list[dict[str, Any]]) -> dict[str, Any]:
    """An item of `inventoryItems`."""
    product = dict(official["product"])
    product["aspects"] = {name: values[0] for name, values in product["aspects"].items()}
    made = {**official, "product": product}
    priced = next((each for each in offers if "price" in each["pricingSummary"]), None)
    if priced:
        made["pricingSummary"] = {"price": priced["pricingSummary"]["price"]}
        product["categoryId"] = priced["categoryId"]
    made["offers"] = [{"offerId": each["offerId"], "status": _status(each)} for each in offers]
    return made


def offer(official: dict[str, Any]) -> dict[str, Any]:
    """An offer of `offers`."""
    number = int(official["offerId"])
    made = {
        "offerId": official["offerId"],
        "sku": official["sku"],
        "status": _status(official),
        "price": official["pricingSummary"].get("price") or official["pricingSummary"]["auctionStartPrice"],
        "availableQuantity": official["availableQuantity"],
        "creationDate": f"2026-05-{1 + number % _DAYS:02d}T08:00:00.000Z",
        "expirationDate": f"2027-05-{1 + number % _DAYS:02d}T08:00:00.000Z",
    }
    if "listing" in official:
        made["listingId"] = official["listing"]["listingId"]
    return made


def _status(official: dict[str, Any]) -> str:
    if official["status"] != "PUBLISHED":
        return "ENDED"
    return "PUBLISHED_IN_PROGRESS" if int(official["offerId"]) % 50 == 0 else "PUBLISHED"
