"""The settings of privacy: `PRIVACY_…`, see README.md."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="PRIVACY_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8089, ge=0, le=65535)
    sweep_every: timedelta = Field(
        default=timedelta(hours=6), gt=timedelta(0), le=timedelta(days=7), description="Pause between two sweeps"
    )
    raw_kept: timedelta = Field(
        default=timedelta(hours=24),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="How long a webhook that names an erased person stays, so that those beside it can be replayed",
    )
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
