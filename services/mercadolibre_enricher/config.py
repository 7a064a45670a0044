"""The settings of mercadolibre_enricher: `MERCADOLIBRE_ENRICHER_…`, see README.md."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.jobs import WorkerSettings
from libs.marketplaces.mercadolibre.client import BASE_URL
from libs.marketplaces.mercadolibre.limits import HourlyLimits
from libs.secrets.settings import SecretsFromEnvironment
from services.mercadolibre_enricher.fallbacks.settings import MissedSettings, SeedSettings
from services.mercadolibre_enricher.workers.settings import PipelineSettings


class Account(BaseModel):
    """One seller's account and the application that he authorised."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    account: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of it, as in the gateway's settings")
    user_id: str = Field(pattern=r"^[0-9]{1,20}$", description="The seller's user id at MercadoLibre")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        default=None, description="Of the first authorisation, unless that is made at mercadolibre_api"
    )
    access_token: SecretStr = SecretStr("")


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="MERCADOLIBRE_ENRICHER_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8081, ge=0, le=65535)
    accounts: tuple[Account, ...] = Field(min_length=1)
    api: ApiSettings = ApiSettings(base_url=HttpUrl(BASE_URL))
    requests_per_second: float | None = Field(default=None, gt=0, description="Per route; None: only what 429 says")
    limits: HourlyLimits = HourlyLimits()
    coalesce_milliseconds: int = Field(default=200, ge=0, le=60_000)
    settle_seconds: float = Field(default=10.0, ge=0, le=600)
    concurrency: int = Field(default=16, ge=1, le=1000)
    missed: MissedSettings = MissedSettings()
    seeds: SeedSettings = SeedSettings()
    pipeline: PipelineSettings = PipelineSettings()
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="LOCKED_BY, LOCK_SECONDS, …")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        names = [account.account for account in self.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two accounts have the same name")
        return self
