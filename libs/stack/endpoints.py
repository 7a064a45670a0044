"""Where Kafka and PostgreSQL are, and which of the three stacks they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from libs.stack.errors import StackError
from libs.stack.kafka import running_kafka
from libs.stack.postgres import running_postgres

_NAMES = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")


@dataclass(frozen=True)
class Endpoints:
    """A usable stack: host:port of the brokers (comma separated), and a postgresql:// URL (it holds the password)."""

    kind: Literal["external", "containers", "embedded"]
    kafka_bootstrap_servers: str
    database_url: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The variables by which a service is told."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap_servers, "DATABASE_URL": self.database_url}


def external_endpoints(environ: Mapping[str, str]) -> Endpoints | None:
    """The stack named by the environment, or None. Raises StackError when only half of it is named."""
    given = [name for name in _NAMES if environ.get(name)]
    if len(given) == 1:
        (missing,) = set(_NAMES) - set(given)
        raise StackError(
            f"{given[0]} is set, but {missing} is not. Set both to use your own Kafka and PostgreSQL, "
            "or neither to use the embedded ones."
        )
    if not given:
        return None
    return Endpoints("external", environ["KAFKA_BOOTSTRAP_SERVERS"], environ["DATABASE_URL"])


def find_endpoints(environ: Mapping[str, str], state_dir: Path) -> Endpoints | None:
    """The stack to use: the one the environment names, else the embedded one that runs in `state_dir`, else None.

    Looks at variables and processes, not at the network. Raises StackError when the environment names half a stack.
    """
    if external := external_endpoints(environ):
        return external
    kafka, database = running_kafka(state_dir), running_postgres(state_dir)
    return Endpoints("embedded", kafka, database) if kafka and database else None
