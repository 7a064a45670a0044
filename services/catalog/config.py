"""The settings of catalog: `CATALOG_…`, see README.md."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.secrets.settings import SecretsFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8085, ge=0, le=65535)
    patience_seconds: float = Field(default=5.0, gt=0, le=60, description="How long to wait for a projector behind")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment
