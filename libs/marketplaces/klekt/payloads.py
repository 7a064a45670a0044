"""Products at Klekt, in a wire format of ours: see README.md."""

from pydantic import Field

from libs.marketplaces.payload import Amount, Id, Payload


class KlektProduct(Payload):
    """A product with its lowest price on sale; None where nobody sells it."""

    id: Id
    sku: str | None = None
    name: str | None = None
    brand: str | None = None
    colorway: str | None = None
    release_date: str | None = Field(default=None, alias="releaseDate")
    retail_price: Amount | None = Field(default=None, alias="retailPrice")
    price: Amount | None = None
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    url: str | None = None
    image_url: str | None = Field(default=None, alias="imageUrl")

    @property
    def style_id(self) -> str | None:
        """The style code."""
        return self.sku
