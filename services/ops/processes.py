"""The processes that make up sellstream: the one table that `up`, `status`, `doctor` and docker-compose.yml follow."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceSpec:
    """A service: `python -m <module>`, listening on `port` unless `<NAME>_PORT` says otherwise."""

    name: str
    module: str
    port: int

    @property
    def port_variable(self) -> str:
        return f"{self.name.upper()}_PORT"

    def port_in(self, environ: Mapping[str, str]) -> int:
        """The port to use in this environment."""
        return int(environ.get(self.port_variable) or self.port)


SERVICES = (
    ServiceSpec("webhook_gateway", "services.webhook_gateway", 8080),
    ServiceSpec("mercadolibre_enricher", "services.mercadolibre_enricher", 8081),
    ServiceSpec("projector", "services.projector", 8082),
    ServiceSpec("sandbox", "services.sandbox", 8090),
)

# Run once, in this order, before any service starts: arguments of the command `sellstream`. Each may be run again.
PREPARE = (("topics", "apply"), ("db", "migrate"))


def sellstream_command(*arguments: str) -> list[str]:
    """The argv that runs a `sellstream` command with this Python."""
    return [sys.executable, "-m", "services.ops.cli", *arguments]
