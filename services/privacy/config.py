"""The settings of privacy: `PRIVACY_…`, see README.md."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="PRIVACY_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8089, ge=0, le=65535)
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
