"""How a process reaches Kafka: the environment variables that every service shares."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """`KAFKA_BOOTSTRAP_SERVERS` (host:port, comma separated), `KAFKA_TOPIC_PREFIX` (put before each topic and group).

    The prefix lets several installations share one cluster, and several tests one broker.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)

    bootstrap_servers: str = Field(min_length=1)
    topic_prefix: str = Field(default="", pattern=r"^[a-z0-9._-]{0,64}$")

    def topic(self, name: str) -> str:
        """The name of a topic at the broker."""
        return self.topic_prefix + name

    def group(self, name: str) -> str:
        """The name of a consumer group at the broker."""
        return self.topic_prefix + name

    def logical(self, topic: str) -> str:
        """The declared name of a topic at the broker."""
        return topic.removeprefix(self.topic_prefix)


def _from_environment(given: object) -> KafkaSettings:
    if isinstance(given, KafkaSettings):
        return given
    try:
        return KafkaSettings()
    except ValidationError as error:
        told = "; ".join(
            f"KAFKA_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise ValueError(told) from None


KafkaFromEnvironment = Annotated[
    KafkaSettings, BeforeValidator(_from_environment), Field(default={}, validate_default=True)
]
"""A field of a service's settings: read from `KAFKA_…`, whatever the service's own prefix is."""
