"""The settings of interlock: `INTERLOCK_…`, see README.md."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.channels.settings import SellingFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.secrets.settings import SecretsFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="INTERLOCK_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8094, ge=0, le=65535)
    units_unless_told: int | None = Field(
        default=1, ge=0, description="Units of a product whose attributes have no unitsOnHand; empty: no limit"
    )
    attempts: int = Field(default=40, ge=1, le=1000, description="Refusals to take a listing off, before a person must")
    concurrency: int = Field(default=16, ge=1, le=200, description="Listings that are taken off at the same time")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment
    selling: SellingFromEnvironment
