"""How a process reaches PostgreSQL."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """`DATABASE_URL`: postgresql://user:password@host:port/database."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_", frozen=True)

    url: str = Field(pattern=r"^postgres(ql)?://", repr=False)  # it holds the password
