"""The settings of matcher: `MATCHER_…`, see README.md."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="MATCHER_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8091, ge=0, le=65535)
    titles: Literal["auto", "on", "off"] = Field(
        default="auto", description="Match by title; auto: where the extra `matching` is installed"
    )
    settle_milliseconds: int = Field(
        default=500, ge=0, le=60_000, description="From a fact to its matching, so that rows are committed"
    )
    sweep_seconds: float = Field(default=600.0, gt=0, description="How often what has no match is looked at again")
    patience_seconds: float = Field(default=15.0, gt=0, le=60, description="How long to wait for a projector behind")
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
