"""The settings of ebay_sync: `EBAY_SYNC_…`, see README.md."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.http.jwt import MIN_KEY_BYTES
from libs.marketplaces.ebay.client import BASE_URL
from libs.marketplaces.ebay.inventory import LARGEST_PAGE
from libs.secrets.settings import SecretsFromEnvironment

_SECOND = timedelta(seconds=1)


class Account(BaseModel):
    """A seller's account at eBay, whose it is here, and the application that he authorised."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    account: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of it")
    user_id: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", description="Our user, as his tokens name him (`sub`)")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        default=None, description="Of the first authorisation; none after `sellstream ebay authorise`"
    )
    access_token: SecretStr = SecretStr("")
    marketplace_id: str = Field(default="EBAY_US", pattern=r"^EBAY_[A-Z_]{2,12}$")
    destination: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="The gateway's name of the endpoint that its notifications come to; None: `account`",
    )
    username: str | None = Field(default=None, max_length=200, description="The seller's name at eBay")


class Pace(BaseModel):
    """How a run goes about its work.

    `concurrency`: calls of one run at the same time. `retry_rounds`: how often the SKUs that failed are tried again,
    `retry_pause` apart, doubling. `patience`: how long a call that eBay puts off (429, 5xx, an open circuit) is waited
    for. `offers_age`: an incremental run asks for the offers of a SKU that did not change when they are older.
    `report_from`: accounts of so many SKUs use the Feed API's report to find out which offers changed, which is asked
    for every `report_poll` and waited for as long as `report_patience`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_size: int = Field(default=LARGEST_PAGE, ge=1, le=LARGEST_PAGE)
    concurrency: int = Field(default=8, ge=1, le=100)
    retry_rounds: int = Field(default=3, ge=0, le=10)
    retry_pause: timedelta = Field(default=_SECOND, gt=timedelta(0))
    patience: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(0))
    offers_age: timedelta = Field(default=timedelta(days=7), ge=timedelta(0))
    report_from: int = Field(default=500, ge=0)
    report_poll: timedelta = Field(default=timedelta(seconds=10), gt=timedelta(0))
    report_patience: timedelta = Field(default=timedelta(hours=2), ge=timedelta(0))


class Notified(BaseModel):
    """How notifications are answered.

    Those about one thing that come within `coalesce` cost one look at it. `settle`: how long an order that eBay does
    not know yet is looked for. `concurrency`: looks at the same time in this process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coalesce: timedelta = Field(default=timedelta(milliseconds=200), ge=timedelta(0), le=timedelta(minutes=1))
    settle: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0), le=timedelta(minutes=10))
    concurrency: int = Field(default=4, ge=1, le=100)


class Polling(BaseModel):
    """How orders are polled for.

    `every`: how often (zero: never). `overlap`: how far behind the newest modification seen a poll begins, for orders
    that eBay shows late. `back`: how far back an account's first poll goes; eBay tells two years at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: timedelta = Field(default=timedelta(minutes=5), ge=timedelta(0))
    overlap: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(0))
    back: timedelta = Field(default=timedelta(days=90), gt=timedelta(0), le=timedelta(days=730))


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="EBAY_SYNC_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8084, ge=0, le=65535)
    accounts: tuple[Account, ...] = ()
    jwt_key: Annotated[SecretStr, Field(min_length=MIN_KEY_BYTES)] | None = Field(
        default=None, description="Checks the tokens of our users; needed as soon as there is an account"
    )
    environment: Literal["production", "sandbox"] = "production"
    api: ApiSettings = ApiSettings(base_url=HttpUrl(BASE_URL), max_answer_bytes=16 * 1024 * 1024)
    requests_per_second: float | None = Field(default=None, gt=0, description="Per route; None: only what 429 says")
    requests_per_day: int | None = Field(
        default=None,
        ge=1,
        description="Of the Inventory API, by all replicas together, by UTC days; None: what 429 says",
    )
    pace: Pace = Pace()
    notified: Notified = Notified()
    orders: Polling = Polling()
    runs: int = Field(default=4, ge=1, le=100, description="Runs at the same time in this process")
    lease: timedelta = Field(default=timedelta(seconds=15), ge=2 * _SECOND, description="A silent run is taken up then")
    inventory_every: timedelta | None = Field(default=None, ge=_SECOND, description="Schedule; None: on command alone")
    offers_every: timedelta | None = Field(default=None, ge=_SECOND)
    keep: timedelta = Field(default=timedelta(days=30), ge=timedelta(hours=1), description="How long runs are kept")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        names = [account.account for account in self.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two accounts have the same name")
        if self.accounts and self.jwt_key is None:
            raise ValueError("EBAY_SYNC_JWT_KEY is missing: without it nobody can prove whose accounts these are")
        return self
