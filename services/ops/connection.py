"""How commands reach the running Kafka and PostgreSQL: named by the environment, or those of the state folder."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import typer

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.stack import Endpoints, StackError, find_endpoints, state_folder


@dataclass(frozen=True)
class Connection:
    """An open connection to both."""

    kafka: KafkaSettings
    database: Database


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    """Connect; ends the command with a clear sentence where nothing runs."""
    try:
        endpoints = both()
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    async with Database(endpoints.database_url, application="sellstream") as database:
        yield Connection(KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers), database)


def both() -> Endpoints:
    """Kafka and PostgreSQL. Raises StackError."""
    endpoints = find_endpoints(os.environ, state_folder(os.environ))
    if endpoints is None:
        raise StackError(
            "Kafka or PostgreSQL does not run. Start them with `sellstream up`, or set KAFKA_BOOTSTRAP_SERVERS and "
            "DATABASE_URL."
        )
    return endpoints


def kafka_alone() -> KafkaSettings:
    """Kafka, for what needs no database: named by the environment, else that of the stack. Raises StackError."""
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not named:
        endpoints = find_endpoints(os.environ, state_folder(os.environ))
        if endpoints is None:
            raise StackError("Kafka does not run. Start it with `sellstream up`, or set KAFKA_BOOTSTRAP_SERVERS.")
        named = endpoints.kafka_bootstrap_servers
    return KafkaSettings(bootstrap_servers=named)


def database_url() -> str:
    """PostgreSQL, for what needs no Kafka: named by the environment, else that of the stack. Raises StackError."""
    if named := os.environ.get("DATABASE_URL"):
        return named
    endpoints = find_endpoints(os.environ, state_folder(os.environ))
    if endpoints is None:
        raise StackError("PostgreSQL does not run. Start it with `sellstream up`, or set DATABASE_URL.")
    return endpoints.database_url
