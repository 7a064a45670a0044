"""How each marketplace speaks. A new one is a folder beside the others and a line here."""

from collections.abc import Mapping

from libs.marketplaces.contract import Marketplace
from libs.marketplaces.ebay.webhook import MARKETPLACE as EBAY
from libs.marketplaces.mercado_pago.webhook import MARKETPLACE as MERCADO_PAGO
from libs.marketplaces.mercadolibre.webhook import MARKETPLACE as MERCADOLIBRE
from libs.marketplaces.notion.webhook import MARKETPLACE as NOTION
from libs.marketplaces.shopify.webhook import MARKETPLACE as SHOPIFY
from libs.marketplaces.square.webhook import MARKETPLACE as SQUARE
from libs.marketplaces.standard_webhooks.webhook import MARKETPLACE as STANDARD_WEBHOOKS

MARKETPLACES: Mapping[str, Marketplace] = {
    "ebay": EBAY,
    "mercado_pago": MERCADO_PAGO,
    "mercadolibre": MERCADOLIBRE,
    "notion": NOTION,
    "shopify": SHOPIFY,
    "square": SQUARE,
    "standard_webhooks": STANDARD_WEBHOOKS,
}
