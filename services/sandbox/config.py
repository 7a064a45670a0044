"""The sandbox's settings."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.sandbox.ebay.switches import Shape
from services.sandbox.mercadolibre.switches import Search

Target = Annotated[str, Field(pattern=r"^https?://\S+$")] | None
"""A URL, kept to the letter: it may be signed."""


class Config(BaseSettings):
    """Environment variables with the prefix `SANDBOX_`; README.md explains them.

    A secret that is not set is made from the seed: `GET /_accounts` tells it, for a client's configuration.
    """

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65535)
    seed: int = 1
    start: AwareDatetime = datetime(2026, 6, 5, 12, tzinfo=UTC)
    speed: float = Field(default=1.0, gt=0, le=1_000_000)
    rate: float = Field(default=0.0, ge=0, description="Changes per second from the start on")
    duplicates: float = Field(default=0.0, ge=0, le=1)
    reordering: float = Field(default=0.0, ge=0, le=1)
    poison: float = Field(default=0.0, ge=0, le=1)
    concurrency: int = Field(default=32, ge=1, le=1000)
    keep_sent: int = Field(default=100_000, ge=1)

    mercadolibre_target: Target = None
    mercadolibre_application_id: int = Field(default=6456467593800000, gt=0)
    mercadolibre_client_secret: SecretStr | None = None
    mercadolibre_redirect_uri: str = "https://localhost/oauth/mercadolibre"
    mercadolibre_pkce_required: bool = False
    mercadolibre_token_seconds: int = Field(default=21600, ge=1)
    mercadolibre_sellers: int = Field(default=2, ge=1, le=1000)
    mercadolibre_items: int = Field(default=20, ge=1, le=10_000)
    mercadolibre_buyers: int = Field(default=50, ge=1, le=100_000)
    mercadolibre_quirks: float = Field(default=0.2, ge=0, le=1)
    mercadolibre_ack_seconds: float = Field(default=0.5, gt=0, le=60)
    mercadolibre_search: Search = Search.CLOSED
    mercadolibre_limited: bool = False
    mercadolibre_search_per_hour: int = Field(default=3000, ge=1)
    mercadolibre_items_per_hour: int = Field(default=10_000, ge=1)
    mercadolibre_users_per_hour: int = Field(default=3000, ge=1)

    ebay_target: Target = None
    ebay_endpoint: str | None = None
    ebay_verification_token: SecretStr | None = None
    ebay_client_id: str = "Sandbox-sellstre-SBX-000000000-00000000"
    ebay_client_secret: SecretStr | None = None
    ebay_ru_name: str = "Sandbox_sellstre-Sandbox-sellst-sandbox"
    ebay_redirect_url: str = "http://127.0.0.1:8098/oauth/ebay"
    ebay_token_seconds: int = Field(default=7200, ge=1)
    ebay_sellers: int = Field(default=2, ge=1, le=1000)
    ebay_items: int = Field(default=2000, ge=0, le=1_000_000)
    ebay_orders: int = Field(default=300, ge=0, le=100_000)
    ebay_shape: Shape = Shape.OFFICIAL
    ebay_latency: float = Field(default=0.0, ge=0, le=60)
    ebay_ack_seconds: float = Field(default=10.0, gt=0, le=60)

    square_target: Target = None
    square_notification_url: str | None = None
    square_signature_key: SecretStr | None = None
    square_ack_seconds: float = Field(default=10.0, gt=0, le=60)

    stockx_client_id: str = "sandboxStockXClient0000000000000"
    stockx_client_secret: SecretStr | None = None
    stockx_api_key: SecretStr | None = None
    stockx_redirect_uri: str = "http://127.0.0.1:8098/oauth/stockx"
    stockx_token_seconds: int = Field(default=43_200, ge=1)
    stockx_sellers: int = Field(default=2, ge=1, le=1000)
    stockx_products: int = Field(default=500, ge=4, le=100_000)
    stockx_orders: int = Field(default=40, ge=0, le=100_000)
    stockx_limited: bool = True
    stockx_failing: float = Field(default=0.03, ge=0, le=1)
    stockx_system: float = Field(default=0.01, ge=0, le=1)
    stockx_longest_operation: float = Field(default=60.0, ge=1, description="seconds of sandbox time")

    notion_target: Target = None
    notion_sales: int = Field(default=25, ge=0, le=100_000)

    amazon_client_id: str = "amzn1.application-oa2-client.sandbox00000000000000000"
    amazon_client_secret: SecretStr | None = None
    amazon_sellers: int = Field(default=1, ge=1, le=1000)
    amazon_settle_seconds: float = Field(default=1.0, ge=0, description="sandbox time until an item has an ASIN")
    amazon_token_seconds: int = Field(default=3600, ge=1)
