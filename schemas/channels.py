"""Where goods are sold: the catalog's word for a marketplace."""

from enum import StrEnum


class Channel(StrEnum):
    """The documented channels, and the others that sellstream sells on."""

    AMAZON = "amazon"
    MERCADOLIBRE = "mercadolibre"
    EBAY = "ebay"
    STOCKX = "stockx"
    SQUARE = "square"
