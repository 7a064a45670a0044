"""Listings and operations in the form in which StockX shows them."""

from typing import Any

from services.sandbox.stockx.records import Listing, Operation
from services.sandbox.times import zulu

_FEE = 0.09
_SHIPPING = 4


def started(listing: Listing, operation: Operation) -> dict[str, Any]:
    """The answer to a write: the operation with its URL."""
    url = f"https://api.stockx.com/v2/selling/listings/{listing.id}/operations/{operation.id}"
    return {**polled(listing, operation), "operationUrl": url}


def polled(listing: Listing, operation: Operation) -> dict[str, Any]:
    """An operation as it is polled: without its URL."""
    return {
        "listingId": listing.id,
        "operationId": operation.id,
        "operationType": operation.kind,
        "operationStatus": operation.status,
        "operationInitiatedBy": operation.by,
        "operationInitiatedVia": operation.via,
        "createdAt": zulu(operation.created),
        "updatedAt": zulu(operation.updated),
        "changes": operation.changes,
        "error": operation.error,
    }


def listed(listing: Listing) -> dict[str, Any]:
    """A listing in a list."""
    ask = listing.ask
    return {
        "listingId": listing.id,
        "status": listing.status,
        "amount": listing.amount,
        "currencyCode": listing.currency,
        "inventoryType": listing.inventory,
        "createdAt": zulu(listing.created),
        "updatedAt": zulu(listing.updated),
        "batch": {"batchId": listing.batch[0], "taskId": listing.batch[1]} if listing.batch else None,
        "ask": {
            "askId": ask.id,
            "askCreatedAt": zulu(ask.created),
            "askUpdatedAt": zulu(ask.updated),
            "askExpiresAt": zulu(listing.expires),
        }
        if ask
        else None,
        "authenticationDetails": None,
        "order": {
            "orderNumber": listing.match.number,
            "orderCreatedAt": zulu(listing.match.created),
            "orderStatus": listing.match.status,
        }
        if listing.match
        else None,
        "product": product_ref(listing),
        "initiatedShipments": None,
        "variant": variant_ref(listing),
        "condition": None,
        "conditionDescription": None,
    }


def one(listing: Listing) -> dict[str, Any]:
    """A listing that was asked for: with its payout and its last operation, under names of its own."""
    last = listing.operations[-1] if listing.operations else None
    operation = (
        {
            "operationId": last.id,
            "operationType": last.kind,
            "operationStatus": last.status,
            "operationInitiatedBy": last.by,
            "operationInitiatedVia": last.via,
            "operationCreatedAt": zulu(last.created),
            "operationUpdatedAt": zulu(last.updated),
            "changes": last.changes,
            "error": last.error,
        }
        if last
        else None
    )
    return {**listed(listing), "payout": payout(listing.amount, listing.currency), "lastOperation": operation}


def payout(amount: str, currency: str) -> dict[str, Any]:
    """What the seller gets. Typed as text in the contract, shown as numbers in its examples: so they are."""
    price = float(amount)
    fee = -round(price * _FEE, 2)
    return {
        "totalPayout": round(price + fee - _SHIPPING, 2),
        "salePrice": price,
        "totalAdjustments": round(fee - _SHIPPING, 2),
        "currencyCode": currency,
        "adjustments": [
            {"adjustmentType": "Transaction Fee", "amount": fee, "percentage": _FEE},
            {"adjustmentType": "Shipping", "amount": -_SHIPPING, "percentage": 0},
        ],
    }


def product_ref(listing: Listing) -> dict[str, Any]:
    product = listing.product
    return {"productId": product.id, "productName": product.title, "styleId": product.style_id}


def variant_ref(listing: Listing) -> dict[str, Any]:
    variant = listing.variant
    return {"variantId": variant.id, "variantName": variant.name, "variantValue": variant.size}
