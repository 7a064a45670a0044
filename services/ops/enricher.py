"""`sellstream enricher run search | enrich | score`: a worker of MercadoLibre's pipeline, on this terminal.

The worker is the enricher's own (`services.mercadolibre_enricher.run_worker`). Services import no services, so this
process becomes it, with the same settings: those of the environment, or the sandbox's where none are set.
"""

import asyncio
import os
import sys
from enum import StrEnum
from typing import Annotated

import aiohttp
import typer

from libs.stack import StackError, find_endpoints, state_folder
from services.ops.processes import SANDBOX
from services.ops.sandbox_wiring import read_accounts, services_environment, wants_sandbox
from services.ops.secret_keys import key_environment

_MODULE = "services.mercadolibre_enricher.run_worker"


class Kind(StrEnum):
    """What a worker works on."""

    SEARCH = "search"
    ENRICH = "enrich"
    SCORE = "score"


def run(kind: Annotated[Kind, typer.Argument(help="The kind of job.")]) -> None:
    """Work on one kind of the pipeline's jobs until stopped, beside the service's own workers.

    Stopped by Ctrl-C or SIGTERM it finishes what it is at. LOCKED_BY, LOCK_SECONDS and the other settings are in
    services/mercadolibre_enricher/workers/README.md.
    """
    try:
        environment = _environment()
    except (StackError, aiohttp.ClientError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    # Not a child: whoever stops this process stops the worker, which then finishes what it is at.
    os.execve(sys.executable, [sys.executable, "-m", _MODULE, kind.value], environment)  # noqa: S606  (our own module)


def _environment() -> dict[str, str]:
    environ, folder = os.environ, state_folder(os.environ)
    endpoints = find_endpoints(environ, folder)
    if endpoints is None:
        raise StackError(
            "Nothing runs here. Start it with `sellstream up`, or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL."
        )
    own = endpoints.kind == "embedded" or wants_sandbox(environ)
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka_bootstrap_servers,
        "DATABASE_URL": endpoints.database_url,
        **key_environment(environ, folder, own=own),
    }
    if wants_sandbox(environ):
        sandbox = f"http://127.0.0.1:{SANDBOX.port_in(environ)}"
        settings |= services_environment(asyncio.run(read_accounts(sandbox)), "", sandbox)
    return {**environ, **settings}
