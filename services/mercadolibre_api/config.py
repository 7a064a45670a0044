"""The settings of mercadolibre_api: `MERCADOLIBRE_API_…`, see README.md."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.db.settings import DatabaseFromEnvironment


class Config(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`…_API__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="MERCADOLIBRE_API_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8083, ge=0, le=65535)
    database: DatabaseFromEnvironment
