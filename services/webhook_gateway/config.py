"""The settings of webhook_gateway: `WEBHOOK_GATEWAY_…` and `KAFKA_…`, see README.md."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.marketplaces.contract import AccountSettings
from libs.stack import state_folder
from services.webhook_gateway.accounts import read_accounts

Accounts = Mapping[str, tuple[AccountSettings, ...]]


class Config(BaseSettings):
    """Read from the environment. Durations are seconds or ISO 8601 (`PT24H`)."""

    model_config = SettingsConfigDict(env_prefix="WEBHOOK_GATEWAY_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    shared_port: bool = Field(
        default=False, description="Several gateways of this machine listen on one port, and the kernel deals them out"
    )
    accounts_file: Path | None = Field(default=None, description="A file with what `accounts` holds")
    accounts: Annotated[Accounts, NoDecode] = Field(
        default="", validate_default=True, description="JSON: a list of objects with `marketplace` and its settings"
    )
    window: timedelta = Field(default=timedelta(hours=24), gt=timedelta(0), le=timedelta(days=30))
    window_deliveries: int = Field(default=262_144, ge=1, le=10_000_000)
    margin: timedelta = Field(
        default=timedelta(milliseconds=100),
        ge=timedelta(0),
        le=timedelta(seconds=5),
        description="How long before a marketplace's deadline the gateway gives up on Kafka and answers 503",
    )
    longest_wait: timedelta = Field(
        default=timedelta(seconds=5),
        gt=timedelta(0),
        description="How long a delivery waits for Kafka at most, however patient its marketplace is",
    )
    retry_after: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(seconds=1), le=timedelta(hours=1))
    body_timeout: timedelta = Field(default=timedelta(seconds=10), gt=timedelta(0), le=timedelta(minutes=5))
    waiting_bytes: int = Field(
        default=64 * 1024 * 1024, ge=4 * 1024 * 1024, description="Bodies that may wait for Kafka at one time, in all"
    )
    waiting_decisions: int = Field(default=10_000, ge=1, le=1_000_000)
    spool_dir: Path = Field(
        default_factory=lambda: state_folder(os.environ) / "webhook_gateway",
        description="Where deliveries are kept while Kafka is away: a local disk that survives a restart",
    )
    spool_bytes: int = Field(default=256 * 1024 * 1024, ge=1024, description="What the spool may hold")
    spool_after: timedelta = Field(
        default=timedelta(milliseconds=200),
        gt=timedelta(0),
        description="How long Kafka may take for a delivery before this and all others go to the spool",
    )
    kafka: KafkaFromEnvironment

    @field_validator("accounts", mode="before")
    @classmethod
    def _accounts(cls, value: Any, info: Any) -> Accounts:
        file = info.data.get("accounts_file")
        if value and file:
            raise ValueError("set either WEBHOOK_GATEWAY_ACCOUNTS or WEBHOOK_GATEWAY_ACCOUNTS_FILE, not both")
        if file:
            try:
                value = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"WEBHOOK_GATEWAY_ACCOUNTS_FILE cannot be read: {error}") from None
        return read_accounts(value)

    @model_validator(mode="after")
    def _margin_leaves_time(self) -> Self:
        if self.margin >= timedelta(milliseconds=500):
            raise ValueError("margin: half a second is MercadoLibre's whole deadline; leave time for Kafka")
        return self
