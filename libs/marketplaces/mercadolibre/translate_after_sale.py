"""What comes after a sale at MercadoLibre → our facts: pure functions, as in translate.py."""

from libs.marketplaces.mercadolibre import statuses
from libs.marketplaces.mercadolibre.payloads_after_sale import Claim, FeedbackSide, Invoice, Message, OrderFeedback
from libs.marketplaces.mercadolibre.translate import MARKETPLACE, latest, valid
from libs.marketplaces.payload import Malformed, leftover
from schemas.claims.claim_changed import ClaimChangedV1, ClaimStatus, Resolution
from schemas.feedback.feedback_changed import FeedbackChangedV1, Opinion, Rating
from schemas.invoices.invoice_changed import InvoiceChangedV1, InvoiceStatus
from schemas.messages.message_changed import Direction, MessageChangedV1, MessageStatus
from schemas.values import Money

INVOICE_CURRENCY = "BRL"
"""Invoices tell no currency: MercadoLibre issues them in Brazil alone."""


@valid
def message_changed(message: Message, account: str) -> MessageChangedV1:
    """A message's state. It has no time of change: the latest of its times counts."""
    dates, moderation = message.message_date, message.message_moderation
    status = statuses.MESSAGE.get(message.status, MessageStatus.UNKNOWN)
    if status is MessageStatus.UNREAD and dates.read_at is not None:
        status = MessageStatus.READ
    sender = message.from_.user_id if message.from_ else None
    return MessageChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        message_id=message.id,
        thread_id=message.belongs_to("packs") or message.belongs_to("orders"),
        direction=_direction(sender, message.owner),
        sender_id=sender,
        recipient_id=message.to.user_id if message.to else None,
        status=status,
        marketplace_status=message.status,
        subject=message.subject,
        text=message.text or "",  # of a moderated message only its fate is told
        attachments=[name for one in message.message_attachments if isinstance(name := one.get("filename"), str)],
        sent_at=dates.created,
        read_at=dates.read_at,
        updated_at=latest(
            dates.created,
            dates.received,
            dates.available,
            dates.notified,
            dates.read_at,
            moderation.moderation_date if moderation else None,
        ),
        raw=leftover(message),
    )


@valid
def claim_changed(claim: Claim, account: str) -> ClaimChangedV1:
    """A claim's state. `due_at` is the earliest date of what the seller must do."""
    actions = claim.player("seller").available_actions
    due = [one.due_date for one in actions if one.mandatory and one.due_date is not None]
    resolution = claim.resolution
    return ClaimChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        claim_id=claim.id,
        about=claim.resource,
        about_id=claim.resource_id,
        order_id=claim.resource_id if claim.resource == "order" else None,
        buyer_id=claim.player("buyer").user_id,
        kind=claim.type,
        stage=claim.stage,
        reason_id=claim.reason_id,
        status=statuses.CLAIM.get(claim.status, ClaimStatus.UNKNOWN),
        marketplace_status=claim.status,
        seller_actions=[one.action for one in actions if one.action],
        due_at=min(due) if due else None,
        resolution=Resolution(
            reason=resolution.reason,
            benefited=resolution.benefited,
            closed_by=resolution.closed_by,
            decided_at=resolution.date_created,
        )
        if resolution
        else None,
        opened_at=claim.date_created,
        updated_at=claim.last_updated or claim.date_created,
        raw=leftover(claim),
    )


@valid
def feedback_changed(feedback: OrderFeedback, account: str) -> FeedbackChangedV1:
    """An order's feedback. It has no time of change: the later of both sides' times counts."""
    times = [side.date_created for side in (feedback.purchase, feedback.sale) if side and side.date_created]
    if not times:
        raise Malformed("feedback_changed: neither side tells when it spoke")
    rated = feedback.purchase.rating if feedback.purchase else None
    return FeedbackChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        order_id=feedback.id,
        status=_rating(rated),
        marketplace_status=rated or Rating.NONE,
        by_buyer=_opinion(feedback.purchase),
        by_seller=_opinion(feedback.sale),
        updated_at=max(times),
        raw=leftover(feedback),
    )


@valid
def invoice_changed(invoice: Invoice, account: str) -> InvoiceChangedV1:
    """An invoice's state. It has no time of change: the latest of its times counts."""
    told = invoice.attributes
    times = [invoice.issued_date]
    if told is not None:
        times += [told.invoice_creation_date, told.receipt_date, told.authorization_date, told.cancellation_date]
    known = [time for time in times if time is not None]
    if not known:
        raise Malformed("invoice_changed: it tells no time at all")
    order_ids = [item.external_order_id for item in invoice.items if item.external_order_id]
    return InvoiceChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        invoice_id=invoice.id,
        order_ids=list(dict.fromkeys(order_ids)),
        shipment_id=invoice.shipment.id if invoice.shipment else None,
        kind=invoice.fiscal_data.transaction_type if invoice.fiscal_data else None,
        status=statuses.INVOICE.get(invoice.status.lower(), InvoiceStatus.UNKNOWN),
        marketplace_status=invoice.status,
        series=invoice.invoice_series,
        number=invoice.invoice_number,
        access_key=told.invoice_key if told else None,
        amount=None if invoice.amount is None else Money(amount=invoice.amount, currency=INVOICE_CURRENCY),
        document_path=told.xml_location if told else None,
        issued_at=invoice.issued_date,
        updated_at=max(known),
        raw=leftover(invoice),
    )


def _direction(sender: str | None, seller: str | None) -> Direction:
    if sender is None or seller is None:
        return Direction.UNKNOWN
    return Direction.OUTGOING if sender == seller else Direction.INCOMING


def _rating(word: str | None) -> Rating:
    return Rating.NONE if word is None else statuses.RATING.get(word, Rating.UNKNOWN)


def _opinion(side: FeedbackSide | None) -> Opinion | None:
    if side is None:
        return None
    return Opinion(
        feedback_id=side.id,
        rating=_rating(side.rating),
        fulfilled=side.fulfilled,
        reason=side.reason,
        comment=side.message,
        given_at=side.date_created,
    )
