"""The settings of exchange_rates: `EXCHANGE_RATES_…`, see README.md."""

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.http.client import ApiSettings


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="EXCHANGE_RATES_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8096, ge=0, le=65535)
    api: ApiSettings = ApiSettings(base_url=HttpUrl("https://www.ecb.europa.eu"))
    every_seconds: float = Field(default=3600.0, ge=1, description="How often it is looked")
    kafka: KafkaFromEnvironment
