"""The container stack: the images of `docker-compose.yml`, started by testcontainers for the time of a test run.

testcontainers belongs to the development dependencies, so it is imported only when this stack is asked for.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from libs.stack.endpoints import Endpoints
from libs.stack.errors import StackError
from libs.stack.kafka_config import MESSAGE_MAX_BYTES
from libs.stack.ports import free_ports
from libs.stack.postgres_record import DATABASE, USER
from libs.stack.probes import kafka_brokers, postgres_answers, until

KAFKA_IMAGE = "apache/kafka:4.1.1"
POSTGRES_IMAGE = "postgres:18"
_START_TIMEOUT = 180.0  # the first start pulls the images


def container_engine_problem() -> str | None:
    """None when a container engine (Docker, Podman's socket) answers, else why not, as part of a sentence. Blocks."""
    try:
        import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - docker publishes no types; it comes with testcontainers
    except ImportError:
        return "the package testcontainers is not installed (it is one of the development dependencies)"
    unix_socket = docker.utils.parse_host(os.environ.get("DOCKER_HOST")).partition("http+unix://")[2]
    if unix_socket and (problem := _refused(unix_socket)):  # asked first, for docker leaks a socket when nobody answers
        return problem
    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except docker.errors.DockerException as error:
        return f"no container engine answers ({str(error).splitlines()[0][:160]})"
    return None


def _refused(unix_socket: str) -> str | None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(unix_socket)
        except OSError as error:
            return f"no container engine answers at {unix_socket} ({error.strerror or error})"
    return None


def container_engine_answers() -> bool:
    """Whether containers can be started here."""
    return container_engine_problem() is None


@asynccontextmanager
async def container_stack(*, on_progress: Callable[[str], None] = lambda _: None) -> AsyncIterator[Endpoints]:
    """Fresh Kafka and PostgreSQL containers, removed at the end. Raises StackError when they do not come up."""
    with ExitStack() as containers:
        on_progress(f"Starting containers: {KAFKA_IMAGE}, {POSTGRES_IMAGE}")
        endpoints = await asyncio.to_thread(_start, containers)

        async def answers() -> bool:
            kafka = await kafka_brokers(endpoints.kafka_bootstrap_servers)
            return bool(kafka) and await postgres_answers(endpoints.database_url) is None

        await until(
            answers,
            timeout=_START_TIMEOUT,
            expired=lambda: (
                f"The containers did not answer within {_START_TIMEOUT:.0f} s. Look at them with `docker ps --all` and "
                "`docker logs`, or set SELLSTREAM_STACK=embedded to do without containers."
            ),
        )
        yield endpoints


def _start(containers: ExitStack) -> Endpoints:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    # Kafka tells clients the address to come back to, so the host's port must be known before it starts.
    (port,) = free_ports(1)
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    host = kafka.get_container_host_ip()
    for name, value in kafka_environment(f"{host}:{port}").items():
        kafka.with_env(name, value)
    postgres = PostgresContainer(
        POSTGRES_IMAGE, username=USER, password=secrets.token_urlsafe(24), dbname=DATABASE, driver=None
    )
    try:
        containers.enter_context(kafka)
        containers.enter_context(postgres)
    except Exception as error:  # testcontainers and docker document no common base of their exceptions
        raise StackError(f"The containers could not be started: {error}. Is the engine able to pull images?") from error
    return Endpoints("containers", f"{host}:{port}", postgres.get_connection_url())


def kafka_environment(advertised: str) -> dict[str, str]:
    """The environment of one `apache/kafka` container: the settings of the embedded broker, in the image's spelling."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{advertised}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_RETENTION_MS": "-1",
        "KAFKA_MESSAGE_MAX_BYTES": str(MESSAGE_MAX_BYTES),
    }
