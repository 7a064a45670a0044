"""The settings of amazon_orders: `AMAZON_ORDERS_…`, see README.md."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.channels.settings import SellingFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.secrets.settings import SecretsFromEnvironment

_NOTHING = timedelta(0)


class Config(BaseSettings):
    """Read from the environment. The accounts are those of `SELLING_ACCOUNTS` whose channel is amazon."""

    model_config = SettingsConfigDict(env_prefix="AMAZON_ORDERS_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8097, ge=0, le=65535)
    every: timedelta = Field(default=timedelta(seconds=60), gt=_NOTHING, description="Between polls of one account")
    overlap: timedelta = Field(default=timedelta(minutes=10), ge=_NOTHING, description="Asked for again, each time")
    back: timedelta = Field(default=timedelta(days=30), ge=_NOTHING, description="How far back the first poll goes")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment
    selling: SellingFromEnvironment
