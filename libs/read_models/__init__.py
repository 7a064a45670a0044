"""Every read model of sellstream, one line each. An entry is a folder: table.sql, project.py, queries.py.

Those of the catalog's entities are derived from the entities' declarations (schemas/entities.py).
"""

from libs.projection.model import AnyReadModel
from libs.read_models.claims.project import READ_MODEL as CLAIMS
from libs.read_models.entities import read_model
from libs.read_models.feedback.project import READ_MODEL as FEEDBACK
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.invoices.project import READ_MODEL as INVOICES
from libs.read_models.item_scores.project import READ_MODEL as ITEM_SCORES
from libs.read_models.items.project import READ_MODEL as ITEMS
from libs.read_models.listing_operations.project import READ_MODEL as LISTING_OPERATIONS
from libs.read_models.listings.project import READ_MODEL as LISTINGS
from libs.read_models.market_data.project import READ_MODEL as MARKET_DATA
from libs.read_models.messages.project import READ_MODEL as MESSAGES
from libs.read_models.offers.project import READ_MODEL as OFFERS
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.read_models.payments.project import READ_MODEL as PAYMENTS
from libs.read_models.products.project import READ_MODEL as PRODUCTS
from libs.read_models.questions.project import READ_MODEL as QUESTIONS
from libs.read_models.recorded_sales.project import READ_MODEL as RECORDED_SALES
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from libs.read_models.shipments.project import READ_MODEL as SHIPMENTS
from libs.read_models.stock_items.project import READ_MODEL as STOCK_ITEMS
from schemas.entities import ENTITIES

_ALL: tuple[AnyReadModel, ...] = (
    ORDERS,
    SHIPMENTS,
    PAYMENTS,
    QUESTIONS,
    LISTINGS,
    LISTING_OPERATIONS,
    INVENTORY,
    OFFERS,
    MESSAGES,
    CLAIMS,
    FEEDBACK,
    INVOICES,
    SEARCH_RUNS,
    ITEMS,
    ITEM_SCORES,
    STOCK_ITEMS,
    MARKET_DATA,
    RECORDED_SALES,
    PRODUCTS,
    *(read_model(entity) for entity in ENTITIES),
)

READ_MODELS = {model.name: model for model in _ALL}
