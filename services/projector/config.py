"""The settings of projector: `PROJECTOR_…`, see README.md."""

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.bus.settings import KafkaFromEnvironment
from libs.db.settings import DatabaseFromEnvironment
from libs.read_models import READ_MODELS


class Config(BaseSettings):
    """Read from the environment."""

    model_config = SettingsConfigDict(env_prefix="PROJECTOR_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8082, ge=0, le=65535)
    read_models: tuple[str, ...] = Field(default=tuple(READ_MODELS), min_length=1)
    batch_records: int = Field(default=20_000, ge=1, le=100_000)
    poll_milliseconds: int = Field(default=500, ge=1, le=10_000)
    kafka: KafkaFromEnvironment
    database: DatabaseFromEnvironment

    @field_validator("read_models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in READ_MODELS]:
            raise ValueError(f"no read model is called {', '.join(unknown)}; there are {', '.join(READ_MODELS)}")
        return names
