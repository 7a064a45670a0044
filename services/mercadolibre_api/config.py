"""The settings of mercadolibre_api: `MERCADOLIBRE_API_…`, see README.md."""

from typing import Annotated, Self

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.http.client import ApiSettings
from libs.marketplaces.mercadolibre.client import BASE_URL
from libs.marketplaces.mercadolibre.limits import HourlyLimits
from libs.marketplaces.mercadolibre.oauth import AUTHORIZATION_URL, Application
from libs.secrets.settings import SecretsFromEnvironment


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`).

    The application's three values also go by the names of MercadoLibre's documentation (`ML_CLIENT_ID` …). Without them
    nobody can authorise us and the proxies have no token; everything else works.
    """

    model_config = SettingsConfigDict(
        env_prefix="MERCADOLIBRE_API_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        populate_by_name=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8083, ge=0, le=65535)
    client_id: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,20}$",
        validation_alias=AliasChoices("MERCADOLIBRE_API_CLIENT_ID", "ML_CLIENT_ID"),
    )
    client_secret: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("MERCADOLIBRE_API_CLIENT_SECRET", "ML_CLIENT_SECRET")
    )
    redirect_uri: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s#]+$",
        validation_alias=AliasChoices("MERCADOLIBRE_API_REDIRECT_URI", "ML_REDIRECT_URI"),
        description="As registered at MercadoLibre, letter by letter",
    )
    authorization_url: HttpUrl = HttpUrl(AUTHORIZATION_URL)
    state_seconds: float = Field(default=600, gt=0, le=86_400)
    site: str = Field(default="MLM", pattern=r"^[A-Z]{3}$")
    user_id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$", description="Whose tokens the proxies use")
    search_reach: int = Field(default=1000, ge=1, description="Results beyond this offset cannot be asked for")
    limits: HourlyLimits = HourlyLimits()
    debug: bool = Field(default=False, description="Log what MercadoLibre is asked and answers")
    api: ApiSettings = ApiSettings(base_url=HttpUrl(BASE_URL))
    worker_key: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        default=None,
        validation_alias=AliasChoices("MERCADOLIBRE_API_WORKER_KEY", "WORKER_KEY"),
        description="Asked for in X-Worker-Key by /mlJobs and /mlSearchRuns",
    )
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment

    @field_validator("worker_key", mode="before")
    @classmethod
    def _documented_empty(cls, given: object) -> object:
        """`WORKER_KEY=""` is the documented way to have none."""
        return None if given == "" else given

    @model_validator(mode="after")
    def _whole_application(self) -> Self:
        told = {
            "ML_CLIENT_ID": self.client_id,
            "ML_CLIENT_SECRET": self.client_secret,
            "ML_REDIRECT_URI": self.redirect_uri,
        }
        missing = [name for name, value in told.items() if not value]
        if missing and len(missing) < len(told):
            raise ValueError(f"{', '.join(missing)} must be set too: an application has all three")
        return self

    @property
    def application(self) -> Application | None:
        """The application at MercadoLibre that people authorise."""
        if self.client_id is None or self.client_secret is None or self.redirect_uri is None:
            return None
        return Application(self.client_id, self.client_secret, self.redirect_uri)
