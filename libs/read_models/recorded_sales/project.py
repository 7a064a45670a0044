"""recorded_sales: one row per sale that a person wrote down."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel, Row
from libs.read_models.history import OfNewest, RowColumns
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1


class RecordedSaleRow(Row, frozen=True, kw_only=True):
    source: str
    source_id: str
    user_id: str
    marketplace: str
    order_number: str | None
    sku: str
    size: str | None
    title: str | None
    product_id: str
    variant_id: str | None
    price_amount: Decimal
    price_currency: str
    payout_amount: Decimal | None
    payout_currency: str | None
    sold_at: datetime
    withdrawn: bool


def recorded_sale_row(fact: RecordedSaleChangedV1, columns: RowColumns) -> RecordedSaleRow:
    """The fact's own state."""
    return RecordedSaleRow(
        *columns,
        source=fact.source,
        source_id=fact.source_id,
        user_id=fact.user_id,
        marketplace=fact.marketplace,
        order_number=fact.order_number,
        sku=fact.sku,
        size=fact.size,
        title=fact.title,
        product_id=fact.product_id,
        variant_id=fact.variant_id,
        price_amount=fact.price.amount,
        price_currency=fact.price.currency,
        payout_amount=None if fact.payout is None else fact.payout.amount,
        payout_currency=None if fact.payout is None else fact.payout.currency,
        sold_at=fact.sold_at,
        withdrawn=fact.withdrawn,
    )


READ_MODEL = ReadModel(
    "recorded_sales", version=1, fact=RecordedSaleChangedV1, row=RecordedSaleRow, evolve=OfNewest(recorded_sale_row)
)
