"""docker-compose.yml against the table of processes, and against the embedded stack's settings. No engine needed."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.stack.containers import KAFKA_IMAGE, POSTGRES_IMAGE, kafka_environment
from services.ops.processes import PREPARE, SERVICES, ServiceSpec

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_every_process_is_a_container_and_nothing_else_is() -> None:
    assert set(CONTAINERS) == {"kafka", "postgres", "prepare", *(service.name for service in SERVICES)}


def test_names_and_ports_are_unique() -> None:
    for attribute in ("name", "module", "port", "port_variable"):
        values = [getattr(service, attribute) for service in SERVICES]
        assert len(values) == len(set(values)), attribute


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_runs_the_same_module_on_the_same_port(service: ServiceSpec) -> None:
    container = CONTAINERS[service.name]
    assert importlib.util.find_spec(f"{service.module}.__main__"), f"{service.module} cannot be run"
    assert container["command"] == ["python", "-m", service.module]
    assert container["ports"] == [f"127.0.0.1:{service.port}:{service.port}"]
    assert container["environment"][service.port_variable] == str(service.port)
    assert container["image"] == "sellstream"
    assert f":{service.port}/readyz" in container["healthcheck"]["test"][-1]
    assert container["depends_on"]["prepare"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", ["prepare", *(service.name for service in SERVICES)])
def test_every_process_is_told_where_the_servers_are(name: str) -> None:
    environment = CONTAINERS[name]["environment"]
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9092"
    assert environment["DATABASE_URL"].endswith("@postgres:5432/sellstream")


def test_the_preparation_is_the_same() -> None:
    expected = " && ".join(" ".join(("sellstream", *arguments)) for arguments in PREPARE)
    assert CONTAINERS["prepare"]["command"] == ["sh", "-c", expected]


def test_the_servers_are_the_ones_that_the_tests_use() -> None:
    assert CONTAINERS["kafka"]["image"] == KAFKA_IMAGE
    assert CONTAINERS["postgres"]["image"] == POSTGRES_IMAGE
    composed = CONTAINERS["kafka"]["environment"]
    differing = {name for name, value in kafka_environment("kafka:9092").items() if composed.get(name) != value}
    assert differing == {"KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"}


def test_nothing_is_reachable_from_outside_this_machine() -> None:
    published = [port for container in CONTAINERS.values() for port in container.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_is_built_from_the_lock_and_holds_every_package() -> None:
    assert CONTAINERS["prepare"]["build"] == {"context": ".", "dockerfile": "infra/Dockerfile"}
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in dockerfile
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for package in ("schemas", "libs", "services"):
        assert f"COPY {package} {package}" in dockerfile
        assert f"!{package}" in kept
