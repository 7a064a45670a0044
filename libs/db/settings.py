"""How a process reaches PostgreSQL."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """`DATABASE_URL`: postgresql://user:password@host:port/database."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_", frozen=True)

    url: str = Field(pattern=r"^postgres(ql)?://", repr=False)  # it holds the password


def _from_environment(given: object) -> DatabaseSettings:
    if isinstance(given, DatabaseSettings):
        return given
    try:
        return DatabaseSettings()
    except ValidationError as error:
        problems = error.errors(include_input=False)  # the input holds the password
        told = "; ".join(f"DATABASE_{str(one['loc'][0]).upper()}: {one['msg']}" for one in problems)
        raise ValueError(told) from None


DatabaseFromEnvironment = Annotated[
    DatabaseSettings, BeforeValidator(_from_environment), Field(default={}, validate_default=True)
]
"""A field of a service's settings: read from `DATABASE_…`, whatever the service's own prefix is."""
