"""The settings of market_data: `MARKET_DATA_…`, see README.md."""

from datetime import time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.access.goat import GoatAccess
from libs.access.stockx import Reach, StockXAccount
from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.http.jwt import MIN_KEY_BYTES
from libs.marketplaces.stockx.client import api_settings
from libs.marketplaces.stockx.limits import StockXLimits
from libs.marketplaces.stockx.market_data import known_currency
from libs.notion.client import BASE_URL as NOTION_URL
from libs.secrets.settings import SecretsFromEnvironment

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Columns(BaseModel):
    """What the database's columns are called. Without a currency column all amounts are in `currency`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "Name"
    sku: str = "SKU"
    size: str = "Size"
    price: str = "Gross Sale"
    payout: str = "Net Sale"
    sold_on: str = "Sale Date"
    order_number: str = "Order No."
    platform: str = "Sale Platform"
    status: str = "Status"
    currency: str | None = None


class NotionAccess(BaseModel):
    """A Notion database of sales, and our user whose sales they are. `sold`: the status of a page that is a sale."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    token: SecretStr = Field(min_length=1)
    database_id: str = Field(pattern=r"^[0-9a-fA-F-]{32,36}$")
    user_id: str = Field(min_length=1)
    base_url: HttpUrl = HttpUrl(NOTION_URL)
    destination: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="The gateway's name of the endpoint that Notion's webhooks come to; None: whichever",
    )
    columns: Columns = Columns()
    sold: str = "Sold"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class Timetable(BaseModel):
    """When runs begin by themselves, by the clock of `time_zone`; null: never. A moment that was missed (nothing ran)
    is made up for within `late`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: str = "UTC"
    market_data: time | None = time(3)
    dead_stock: time | None = time(6)
    dead_stock_on: Weekday = "monday"
    notion_every: timedelta | None = Field(default=timedelta(minutes=15), ge=timedelta(minutes=1))
    late: timedelta = Field(default=timedelta(hours=6), gt=timedelta(0))

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name[:60]!r}: it is called like Europe/Berlin") from None
        return name


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="MARKET_DATA_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8088, ge=0, le=65535)
    jwt_key: Annotated[SecretStr, Field(min_length=MIN_KEY_BYTES)] | None = Field(
        default=None, description="Checks the tokens of our users; needed as soon as there is an account"
    )
    stockx: StockXAccount | None = None
    goat: GoatAccess | None = None
    notion: NotionAccess | None = None
    api: ApiSettings = api_settings()
    accounts_url: HttpUrl = HttpUrl("https://accounts.stockx.com")
    limits: StockXLimits = StockXLimits()
    currency: Annotated[str, AfterValidator(known_currency)] = Field(
        default="USD", pattern=r"^[A-Z]{3}$", description="In which StockX is asked for its market"
    )
    reserve: int = Field(default=2_000, ge=0, description="Requests a day that synchronisations leave to others")
    timetable: Timetable = Timetable()
    dead_after_days: int = Field(default=90, ge=1, description="In stock for so long without a sale")
    most_rows: int = Field(default=5_000, ge=1, description="Of one import")
    lock_seconds: float = Field(default=120, gt=0, description="A worker's silence until another takes its run over")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @model_validator(mode="after")
    def _provable(self) -> Self:
        if self.jwt_key is None and any((self.stockx, self.goat, self.notion)):
            raise ValueError("MARKET_DATA_JWT_KEY is missing: without it nobody can prove who asks")
        return self

    @property
    def stockx_reach(self) -> Reach:
        return Reach(self.api, self.accounts_url, self.limits, "MARKET_DATA_STOCKX")
