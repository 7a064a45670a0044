"""Where the keys come from: `SELLSTREAM_SECRETS_KEYS`, else the file that `SELLSTREAM_SECRETS_KEYS_FILE` names."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.secrets.keys import SecretsError, read_keys
from libs.secrets.vault import Vault

KEYS, KEYS_FILE = "SELLSTREAM_SECRETS_KEYS", "SELLSTREAM_SECRETS_KEYS_FILE"


class SecretsSettings(BaseSettings):
    """One of the two must be set. The first key seals; the others only open what was sealed before a rotation."""

    model_config = SettingsConfigDict(env_prefix="SELLSTREAM_SECRETS_", frozen=True, env_ignore_empty=True)

    keys: SecretStr | None = None
    keys_file: Path | None = None

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            _ = self.vault
        except SecretsError as error:
            raise ValueError(str(error)) from None
        return self

    @cached_property
    def vault(self) -> Vault:
        """The vault with these keys."""
        return vault_from(self.keys.get_secret_value() if self.keys is not None else None, self.keys_file)


def vault_from(keys: str | None, file: Path | None) -> Vault:
    """The vault with the keys that are told, else with those of the file. Raises SecretsError."""
    if keys:
        return _vault(KEYS, keys)
    if file is None:
        raise SecretsError(
            f"stored tokens and secrets are encrypted, and there is no key: set {KEYS} to one that "
            f"`sellstream secrets generate` prints, or {KEYS_FILE} to a file that holds it"
        )
    try:
        return _vault(str(file), file.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise SecretsError(
            f"{file} ({KEYS_FILE}) is not there: put it back, or let `sellstream secrets init` make one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SecretsError(f"{file} ({KEYS_FILE}) cannot be read: {type(error).__name__}") from None


def _vault(place: str, text: str) -> Vault:
    try:
        return Vault(read_keys(text))
    except SecretsError as error:
        raise SecretsError(f"{place}: {error}") from None


def secrets_settings() -> SecretsSettings:
    """From the environment; raises SecretsError with what is wrong."""
    try:
        return SecretsSettings()
    except ValidationError as error:
        problems = error.errors(include_input=False)  # the input may be a key
        raise SecretsError("; ".join(one["msg"].removeprefix("Value error, ") for one in problems)) from None


def _from_environment(given: object) -> SecretsSettings:
    if isinstance(given, SecretsSettings):
        return given
    try:
        return secrets_settings()
    except SecretsError as error:
        raise ValueError(str(error)) from None


SecretsFromEnvironment = Annotated[
    SecretsSettings, BeforeValidator(_from_environment), Field(default={}, validate_default=True)
]
"""A field of a service's settings: read from `SELLSTREAM_SECRETS_…`, whatever the service's own prefix is."""
