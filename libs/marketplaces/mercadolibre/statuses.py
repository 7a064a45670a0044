"""MercadoLibre's words and ours. A word that stands in no table becomes `unknown`; the fact keeps the word itself."""

from schemas.claims.claim_changed import ClaimStatus
from schemas.feedback.feedback_changed import Rating
from schemas.invoices.invoice_changed import InvoiceStatus
from schemas.listings.listing_changed import ListingStatus
from schemas.messages.message_changed import MessageStatus
from schemas.orders.order_changed import OrderStatus
from schemas.payments.payment_changed import PaymentStatus
from schemas.questions.question_changed import QuestionStatus
from schemas.shipments.shipment_changed import ShipmentStatus

ORDER = {
    "confirmed": OrderStatus.PLACED,
    "payment_required": OrderStatus.PAYMENT_PENDING,
    "payment_in_process": OrderStatus.PAYMENT_PENDING,
    "partially_paid": OrderStatus.PAYMENT_PENDING,
    "paid": OrderStatus.PAID,  # also after a refund to the account: MercadoLibre then adds the tag `unfulfilled`
    "cancelled": OrderStatus.CANCELLED,
    "invalid": OrderStatus.CANCELLED,
}

SHIPMENT = {
    "to_be_agreed": ShipmentStatus.PENDING,
    "pending": ShipmentStatus.PENDING,
    "handling": ShipmentStatus.PENDING,
    "ready_to_ship": ShipmentStatus.READY_TO_SHIP,
    "shipped": ShipmentStatus.SHIPPED,
    "delivered": ShipmentStatus.DELIVERED,
    "not_delivered": ShipmentStatus.NOT_DELIVERED,
    "cancelled": ShipmentStatus.CANCELLED,
}

PAYMENT = {
    "pending": PaymentStatus.PENDING,
    "in_process": PaymentStatus.PENDING,
    "authorized": PaymentStatus.AUTHORIZED,
    "approved": PaymentStatus.APPROVED,
    "rejected": PaymentStatus.REJECTED,
    "cancelled": PaymentStatus.CANCELLED,
    "refunded": PaymentStatus.REFUNDED,
    "charged_back": PaymentStatus.CHARGED_BACK,
    "in_mediation": PaymentStatus.IN_MEDIATION,
}

QUESTION = {
    "UNANSWERED": QuestionStatus.OPEN,
    "ANSWERED": QuestionStatus.ANSWERED,
    "CLOSED_UNANSWERED": QuestionStatus.CLOSED,
    "DELETED": QuestionStatus.DELETED,
    "BANNED": QuestionStatus.BLOCKED,
    "DISABLED": QuestionStatus.BLOCKED,
    "UNDER_REVIEW": QuestionStatus.BLOCKED,
}

LISTING = {
    "active": ListingStatus.ACTIVE,
    "paused": ListingStatus.PAUSED,
    "closed": ListingStatus.CLOSED,
    "under_review": ListingStatus.UNDER_REVIEW,
    "inactive": ListingStatus.INACTIVE,
    "pending": ListingStatus.INACTIVE,
    "not_yet_active": ListingStatus.INACTIVE,
    "programmed": ListingStatus.INACTIVE,
}

MESSAGE = {
    "available": MessageStatus.UNREAD,  # read, as soon as it tells when
    "read": MessageStatus.READ,
    "pending_translation": MessageStatus.PENDING,
    "moderated": MessageStatus.BLOCKED,
    "rejected": MessageStatus.BLOCKED,
}

CLAIM = {
    "opened": ClaimStatus.OPEN,
    "closed": ClaimStatus.CLOSED,
}

RATING = {
    "positive": Rating.POSITIVE,
    "neutral": Rating.NEUTRAL,
    "negative": Rating.NEGATIVE,
}

INVOICE = {
    "processing": InvoiceStatus.PROCESSING,
    "authorized": InvoiceStatus.AUTHORIZED,
    "rejected": InvoiceStatus.REJECTED,
    "cancelled": InvoiceStatus.CANCELLED,
}
