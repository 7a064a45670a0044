"""A page of a Notion database → a sale as it is written down. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from libs.notion.client import NotionPage
from libs.notion.properties import moment_of, number_of, text_of
from services.market_data.config import NotionAccess

MARKETPLACE = "stockx"


class NotASale(ValueError):
    """A page that is no sale at StockX (yet): it is left alone."""


class Incomplete(ValueError):
    """A sale that lacks something; the text says what."""


class SaleNote(BaseModel):
    """A sale as a page tells it."""

    model_config = ConfigDict(frozen=True)

    page_id: str
    sku: str
    size: str | None
    title: str | None
    price: Decimal
    payout: Decimal | None
    currency: str
    sold_at: datetime
    order_number: str | None
    edited_at: datetime


@dataclass(frozen=True, slots=True)
class SalePages:
    """Reads pages as the settings say."""

    access: NotionAccess

    def sale(self, page: NotionPage) -> SaleNote:
        """Raises NotASale, Incomplete."""
        of = page.parent.get("database_id")
        if isinstance(of, str) and of.replace("-", "").lower() != self.access.database_id.replace("-", "").lower():
            raise NotASale("it is of another database")
        columns, cells = self.access.columns, page.properties
        status, platform = text_of(cells.get(columns.status)), text_of(cells.get(columns.platform))
        if page.archived or page.in_trash or (status or "").casefold() != self.access.sold.casefold():
            raise NotASale(f"its {columns.status} is {status}")
        if (platform or "").casefold() != MARKETPLACE:
            raise NotASale(f"its {columns.platform} is {platform}")
        sku, price = text_of(cells.get(columns.sku)), number_of(cells.get(columns.price))
        sold_at = moment_of(cells.get(columns.sold_on))
        if sku is None or price is None or sold_at is None:
            told = {columns.sku: sku, columns.price: price, columns.sold_on: sold_at}
            raise Incomplete(f"it has no {' and no '.join(name for name, value in told.items() if value is None)}")
        currency = text_of(cells.get(columns.currency)) if columns.currency else None
        return SaleNote(
            page_id=page.id,
            sku=sku,
            size=text_of(cells.get(columns.size)),
            title=text_of(cells.get(columns.title)),
            price=price,
            payout=number_of(cells.get(columns.payout)),
            currency=(currency or self.access.currency).upper(),
            sold_at=sold_at,
            order_number=text_of(cells.get(columns.order_number)),
            edited_at=page.last_edited_time,
        )
