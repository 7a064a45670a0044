"""Answers in the shapes of StockX's contract, with made-up values."""

from typing import Any

MOMENT = "2021-11-09T12:44:31.000Z"
LISTING_ID = "98e2e748-8000-45bf-a624-5531d6a68318"

PRODUCT: dict[str, Any] = {
    "productId": "5e6a1e57-1c7d-435a-82bd-5666a13560fe",
    "urlKey": "nike-dunk-low-retro-white-black-2021",
    "styleId": "DD1391-100",
    "productType": "sneakers",
    "title": "Nike Dunk Low Retro White Black Panda",
    "brand": "Nike",
    "productAttributes": {"gender": "men", "season": None, "releaseDate": "2021-03-10", "retailPrice": 115},
    "sizeChart": {"availableConversions": [{"name": "US M", "type": "us m"}], "defaultConversion": None},
}
VARIANT: dict[str, Any] = {
    "productId": PRODUCT["productId"],
    "variantId": "55da4110-0000-4000-8000-000000000000",
    "variantName": "Nike-Dunk-Low-Retro-White-Black-2021:0",
    "variantValue": "3.5",
    "sizeChart": {
        "defaultConversion": {"size": "3.5", "type": "us m"},
        "availableConversions": [{"size": "US M 3.5", "type": "us m"}, {"size": "EU 35.5", "type": "eu"}],
    },
    "gtins": [{"identifier": "194817794556", "type": "UPC"}],
    "isFlexEligible": True,
}
MARKET: dict[str, Any] = {
    "productId": PRODUCT["productId"],
    "variantId": VARIANT["variantId"],
    "currencyCode": "GBP",
    "lowestAskAmount": None,
    "highestBidAmount": "27",
    "sellFasterAmount": "59",
    "standardMarketData": {"lowestAsk": None, "highestBidAmount": "27", "sellFaster": "59", "beatUS": None},
}
OPERATION: dict[str, Any] = {
    "listingId": LISTING_ID,
    "operationId": "d0a635ce-322f-49e1-9bfc-f954fc46f6be",
    "operationType": "CREATE",
    "operationStatus": "PENDING",
    "operationUrl": f"https://api.stockx.com/v2/selling/listings/{LISTING_ID}/operations/d0a635ce",
    "operationInitiatedBy": "USER",
    "operationInitiatedVia": "PUBLIC-API",
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "changes": {
        "additions": {"active": True, "askData": {"amount": "100", "currency": "USD", "expiresAt": MOMENT}},
        "updates": {"updatedAt": MOMENT},
        "removals": {},
    },
    "error": None,
}
LISTING: dict[str, Any] = {
    "listingId": LISTING_ID,
    "status": "ACTIVE",
    "amount": "300",
    "currencyCode": "USD",
    "inventoryType": "STANDARD",
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "batch": None,
    "ask": {"askId": "13658831621304650018", "askCreatedAt": MOMENT, "askUpdatedAt": MOMENT},
    "authenticationDetails": None,
    "order": None,
    "product": {"productId": PRODUCT["productId"], "productName": "Nike Air", "styleId": "FV5029-006"},
    "variant": {"variantId": VARIANT["variantId"], "variantName": "…:12", "variantValue": "10"},
    "payout": {
        "totalPayout": 76.81,
        "salePrice": "90",
        "totalAdjustments": -13.19,
        "currencyCode": "USD",
        "adjustments": [{"adjustmentType": "Shipping", "amount": -7, "percentage": "0"}],
    },
    "lastOperation": {
        "operationId": OPERATION["operationId"],
        "operationType": "CREATE",
        "operationStatus": "SUCCEEDED",
        "operationInitiatedBy": "USER",
        "operationInitiatedVia": "PUBLIC-API",
        "operationCreatedAt": MOMENT,
        "operationUpdatedAt": MOMENT,
        "changes": {},
    },
}
BATCH: dict[str, Any] = {
    "batchId": LISTING_ID,
    "status": "QUEUED",
    "completedAt": None,
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "totalItems": 10,
    "itemStatuses": {"queued": "8", "completed": 1, "failed": "1"},
}
BATCH_ITEMS: dict[str, Any] = {
    "items": [
        {
            "itemId": "I1",
            "status": "COMPLETED",
            "listingInput": {"id": "98e2e748-0001"},
            "result": {"askId": "1365", "listingId": "98e2e748-0001"},
        },
        {"itemId": "I2", "status": "FAILED", "listingInput": {"id": "98e2e748-0002"}, "error": "No such listing"},
    ]
}
ORDER: dict[str, Any] = {
    "orderNumber": "323314425-323214184",
    "listingId": LISTING_ID,
    "askId": "13658831621304650018",
    "amount": "140",
    "currencyCode": "USD",
    "status": "CREATED",
    "createdAt": "2021-08-25T13:51:47.000Z",
    "updatedAt": "2021-08-25T13:51:47.000Z",
    "product": LISTING["product"],
    "variant": LISTING["variant"],
    "payout": LISTING["payout"],
    "inventoryType": "STANDARD",
    "shipment": {"shipByDate": "2021-08-28T00:00:00.000Z", "trackingNumber": None},
}
