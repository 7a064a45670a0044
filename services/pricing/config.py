"""The settings of pricing: `PRICING_…`, see README.md."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.stack import state_folder

_SHORTEST_SESSION = 6.0
"""Brokers refuse a shorter one (group.min.session.timeout.ms)."""


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="PRICING_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8095, ge=0, le=65535)
    patience_seconds: float = Field(default=5.0, gt=0, le=60, description="How long to wait for a projector behind")
    batch: int = Field(default=1_000, ge=1, le=10_000, description="Most records that are handled together")
    within_seconds: float = Field(default=0.08, gt=0, le=60, description="How long a batch gathers")
    session_seconds: float = Field(
        default=10.0, ge=_SHORTEST_SESSION, le=300, description="After a kill, others take over this late"
    )
    data_dir: Path = Field(
        default_factory=lambda: state_folder(os.environ) / "pricing",
        description="Where Faust makes its folders; nothing in them is needed again: tables are in memory and in Kafka",
    )
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
