"""The settings of stockx_poller: `STOCKX_POLLER_…`, see README.md."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.http.jwt import MIN_KEY_BYTES
from libs.marketplaces.stockx.batch import LARGEST_BATCH, LARGEST_CREATION
from libs.marketplaces.stockx.client import api_settings
from libs.marketplaces.stockx.limits import StockXLimits
from libs.secrets.settings import SecretsFromEnvironment

_NOTHING = timedelta(0)

Secret = Annotated[SecretStr, Field(min_length=1)]


class Account(BaseModel):
    """A seller's account at StockX, whose it is here, and the application that he authorised."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    account: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of it")
    user_id: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", description="Our user, as his tokens name him (`sub`)")
    client_id: str = Field(min_length=1)
    client_secret: Secret | None = Field(default=None, description="Else `stockx_client_secret` of core.system_config")
    api_key: Secret | None = Field(default=None, description="Else `stockx_api_key` of core.system_config")
    refresh_token: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        default=None, description="Of the first authorisation; none after `sellstream stockx authorise`"
    )
    access_token: SecretStr = SecretStr("")


class Timing(BaseModel):
    """When what is done.

    `first_poll`, `longest_poll`: pauses between polls of an operation. `batch`: when a batch is asked for, until it is
    learned how long batches take (durations.py). `give_up`: an operation that has not ended by then is reported and
    left alone. `settle`: how long a write may take to show, before it is sent again. `gather`: so long after the last
    command a batch is sent that is not full, at the latest after `longest_gather`. `sweep`, `orders`, `history`: how
    often all listings, each page of the active orders and past orders are read: 30 s are 2,880 requests a day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_poll: timedelta = Field(default=timedelta(seconds=3), gt=_NOTHING)
    longest_poll: timedelta = Field(default=timedelta(minutes=15), gt=_NOTHING)
    batch: timedelta = Field(default=timedelta(seconds=90), gt=_NOTHING)
    give_up: timedelta = Field(default=timedelta(hours=24), gt=_NOTHING)
    settle: timedelta = Field(default=timedelta(seconds=60), gt=_NOTHING)
    gather: timedelta = Field(default=timedelta(seconds=1), ge=_NOTHING)
    longest_gather: timedelta = Field(default=timedelta(seconds=30), ge=_NOTHING)
    sweep: timedelta = Field(default=timedelta(minutes=30), gt=_NOTHING)
    orders: timedelta = Field(default=timedelta(seconds=30), gt=_NOTHING)
    history: timedelta = Field(default=timedelta(hours=6), gt=_NOTHING)


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="STOCKX_POLLER_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8086, ge=0, le=65535)
    accounts: tuple[Account, ...] = ()
    jwt_key: Annotated[SecretStr, Field(min_length=MIN_KEY_BYTES)] | None = Field(
        default=None, description="Checks the tokens of our users; needed as soon as there is an account"
    )
    api: ApiSettings = api_settings()
    accounts_url: HttpUrl = HttpUrl("https://accounts.stockx.com")
    limits: StockXLimits = StockXLimits()
    reserve: int = Field(default=1_000, ge=0, description="Requests a day that are kept for commands")
    largest_batch: int = Field(default=LARGEST_BATCH, ge=1, le=LARGEST_BATCH)
    largest_creation: int = Field(default=LARGEST_CREATION, ge=1, le=LARGEST_CREATION)
    timing: Timing = Timing()
    lease: timedelta = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        names = [account.account for account in self.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two accounts have the same name")
        if self.accounts and self.jwt_key is None:
            raise ValueError("STOCKX_POLLER_JWT_KEY is missing: without it nobody can prove whose accounts these are")
        return self
