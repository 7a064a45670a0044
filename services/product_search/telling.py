"""What marketplaces tell of products, in the documents' form."""

from datetime import date
from decimal import Decimal

from libs.marketplaces.ebay.browse import ItemSummary
from libs.marketplaces.goat.payloads import CURRENCY, CatalogItem, dollars
from libs.marketplaces.klekt.payloads import KlektProduct
from libs.marketplaces.stockx.market_data import MarketData
from libs.marketplaces.stockx.product import Product, Variant
from libs.products.at_stockx import media, release_date
from services.product_search.messages import DetailsTold, Media, OnSale, ProductTold, SizeTold

_STOCKX_PAGE = "https://stockx.com/{url_key}"


def product_told(product: Product) -> ProductTold:
    """A product of StockX."""
    told = product.product_attributes
    pictures = media(product)
    return ProductTold(
        id=product.product_id,
        brand=product.brand,
        name=product.title,
        model=product.style_id,
        colorway=told.colorway if told else None,
        release_date=release_date(product),
        retail_price=_number(told.retail_price if told else None),
        url_key=product.url_key,
        media=Media(image_url=pictures.get("imageUrl"), thumb_url=pictures.get("thumbUrl")),
    )


def at_stockx(product: Product) -> OnSale:
    """StockX's search tells no prices."""
    url = _STOCKX_PAGE.format(url_key=product.url_key) if product.url_key else None
    return OnSale(**product_told(product).model_dump(), url=url)


def details_told(
    product: Product, variants: tuple[Variant, ...], market: tuple[MarketData, ...], currency: str
) -> DetailsTold:
    """All that StockX tells of a product, size by size."""
    told = product.product_attributes
    by_variant = {each.variant_id: each for each in market}
    conversions = product.size_chart.available_conversions if product.size_chart else []
    return DetailsTold(
        **product_told(product).model_dump(),
        product_type=product.product_type,
        gender=told.gender if told else None,
        season=told.season if told else None,
        color=told.color if told else None,
        currency_code=currency,
        sizes=[_size(each, by_variant.get(each.variant_id)) for each in variants],
        specifications={
            "sizeConversions": [each.name for each in conversions if each.name],
            "isFlexEligible": product.is_flex_eligible,
            "isDirectEligible": product.is_direct_eligible,
        },
    )


def _size(variant: Variant, market: MarketData | None) -> SizeTold:
    ways = variant.size_chart.available_conversions if variant.size_chart else []
    return SizeTold(
        variant_id=variant.variant_id,
        size=variant.variant_value,
        sizes={each.type: each.size for each in ways if each.type and each.size},
        gtins=[each.identifier for each in variant.gtins if each.identifier],
        lowest_ask=_number(market.lowest_ask_amount if market else None),
        highest_bid=_number(market.highest_bid_amount if market else None),
        sell_faster=_number(market.sell_faster_amount if market else None),
        earn_more=_number(market.earn_more_amount if market else None),
        flex_lowest_ask=_number(market.flex_lowest_ask_amount if market else None),
    )


def at_goat(item: CatalogItem) -> OnSale:
    """GOAT's catalog tells retail prices only."""
    return OnSale(
        id=item.catalog_id,
        brand=item.brand or None,
        name=item.name,
        model=item.sku or None,
        colorway=item.colorway or None,
        release_date=_day(item.release_date),
        retail_price=_number(dollars(item.retail_price_cents)),
        url_key=item.catalog_id,
        media=Media(image_url=item.main_picture_url or None),
        currency=CURRENCY,
        url=f"https://www.goat.com/sneakers/{item.catalog_id}",
    )


def at_klekt(product: KlektProduct) -> OnSale:
    return OnSale(
        id=product.id,
        brand=product.brand,
        name=product.name,
        model=product.sku,
        colorway=product.colorway,
        release_date=_day(product.release_date),
        retail_price=_number(product.retail_price),
        url_key=None,
        media=Media(image_url=product.image_url),
        price=_number(product.price),
        currency=product.currency,
        url=product.url,
    )


def at_ebay(item: ItemSummary) -> OnSale:
    """An item on sale: eBay's search tells no style code, brand or colour."""
    price = item.price or item.current_bid_price
    return OnSale(
        id=item.item_id,
        brand=None,
        name=item.title,
        model=None,
        colorway=None,
        release_date=None,
        retail_price=None,
        url_key=None,
        media=Media(image_url=item.image.image_url if item.image else None),
        price=_number(price.value if price else None),
        currency=price.currency if price else None,
        url=item.item_web_url,
    )


def _number(amount: Decimal | None) -> float | None:
    """The document shows prices as JSON numbers."""
    return None if amount is None else float(amount)


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat(told[:10]) if told else None
    except ValueError:
        return None
