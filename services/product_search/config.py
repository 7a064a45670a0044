"""The settings of product_search: `PRODUCT_SEARCH_…`, see README.md."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.access.goat import GoatAccess
from libs.access.stockx import Reach, StockXAccount
from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.http.jwt import MIN_KEY_BYTES
from libs.marketplaces.ebay.client import BASE_URL as EBAY_URL
from libs.marketplaces.stockx.client import api_settings
from libs.marketplaces.stockx.limits import StockXLimits
from libs.quota.rules import Quota
from libs.secrets.settings import SecretsFromEnvironment


class KlektAccess(BaseModel):
    """Whatever answers for Klekt in the format of libs/marketplaces/klekt/README.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: HttpUrl


class EbayAccess(BaseModel):
    """An application at eBay that may use the Browse API."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    base_url: HttpUrl = HttpUrl(EBAY_URL)
    marketplace_id: str = Field(default="EBAY_US", pattern=r"^EBAY_[A-Z]{2,}$")


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="PRODUCT_SEARCH_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8087, ge=0, le=65535)
    jwt_key: Annotated[SecretStr, Field(min_length=MIN_KEY_BYTES)] | None = Field(
        default=None, description="Checks the tokens of our users; needed as soon as there is an account"
    )
    stockx: StockXAccount | None = None
    goat: GoatAccess | None = None
    klekt: KlektAccess | None = None
    ebay: EbayAccess | None = None
    api: ApiSettings = api_settings()
    accounts_url: HttpUrl = HttpUrl("https://accounts.stockx.com")
    limits: StockXLimits = StockXLimits()
    search_reserve: int = Field(default=1_000, ge=0, description="Requests a day that searches leave to commands")
    reserve: int = Field(default=2_000, ge=0, description="Requests a day that enrichment leaves to others")
    searches_a_minute: int = Field(default=60, ge=1, description="Of one user")
    patience: timedelta = Field(default=timedelta(seconds=8), gt=timedelta(0), description="For each marketplace")
    cache: timedelta = Field(default=timedelta(days=7), gt=timedelta(0))
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @model_validator(mode="after")
    def _provable(self) -> Self:
        if self.jwt_key is None and any((self.stockx, self.goat, self.klekt, self.ebay)):
            raise ValueError("PRODUCT_SEARCH_JWT_KEY is missing: without it nobody can prove who searches")
        return self

    @property
    def stockx_reach(self) -> Reach:
        return Reach(self.api, self.accounts_url, self.limits, "PRODUCT_SEARCH_STOCKX")

    def quota_of(self, user: str) -> Quota:
        """What one user may search: so many in any minute."""
        return Quota(
            f"product_search/{user}",
            self.searches_a_minute,
            timedelta(minutes=1),
            slices=12,
            family="product_search_of_a_user",
        )
