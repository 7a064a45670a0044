"""The settings of order_desk: `ORDER_DESK_…`, see README.md."""

from decimal import Decimal

from pydantic import Field, ImportString
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.secrets.settings import SecretsFromEnvironment
from libs.suggesting import OpenSuggester

TEMPLATES = "services.order_desk.replies:templates"


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="ORDER_DESK_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8093, ge=0, le=65535)
    patience_seconds: float = Field(default=5.0, gt=0, le=60, description="How long to wait for a projector behind")
    markets: dict[str, str] = Field(
        default={"amazon": "US", "ebay": "US", "stockx": "US", "mercadolibre": "MX"},
        description="A channel's country, where neither its listing nor its order tells it",
    )
    longest_lead_days: int = Field(default=7, ge=0, description="Until a purchase is here")
    least_profit_usd: Decimal = Field(default=Decimal(0), description="That must be left of each unit's price")
    suggester: ImportString[OpenSuggester] = Field(
        default=TEMPLATES, validate_default=True, description="What opens the suggester of replies: module:function"
    )
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment
    secrets: SecretsFromEnvironment
