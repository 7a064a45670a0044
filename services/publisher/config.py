"""The settings of publisher: `PUBLISHER_…`, see README.md."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.channels.settings import SellingFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.jobs import WorkerSettings
from libs.secrets.settings import SecretsFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="PUBLISHER_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8092, ge=0, le=65535)
    oldest_rate_days: int = Field(default=7, ge=1, description="An exchange rate older than this is none of the day")
    patience_seconds: float = Field(default=15.0, gt=0, le=60, description="How long to wait for a projector behind")
    selling: SellingFromEnvironment
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="LOCKED_BY, LOCK_SECONDS, …")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment
