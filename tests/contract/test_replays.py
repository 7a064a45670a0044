"""No replay has effects outside: every service either has none at all, or goes through the guard of libs.bus.

Services are found by themselves: every package below `services/` that is a process. What a service can do is read from
what it imports, directly or not: who cannot reach a client of anything outside cannot have an effect there.
"""

import ast
from functools import cache
from pathlib import Path

import grimp
import pytest

from libs.bus.replay import EXTENSION, HEADER, is_replay, mark_of
from schemas.envelope import Envelope
from schemas.topics import topics
from services.ops.dead_letters import consumers
from services.ops.effects import EFFECTS

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py"))

STAND_INS = {"sandbox"}
"""Not sellstream, but the world outside: it reads no topic."""

OUTSIDE = {"libs.http.client", "smtplib", "aiosmtplib", "http.client", "urllib.request", "httpx", "requests", "ftplib"}
"""Modules that act outside of the system; besides them whatever opens an `aiohttp.ClientSession`."""

GUARD = "is_replay"
OTHER_READERS = {"GroupReader", "faust", "AIOKafkaConsumer"}
"""Ways to be given records that pass by libs.bus.consumer, and its guard."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("schemas", "libs", "services", include_external_packages=True, cache_dir=None)


@cache
def tree(module: str) -> ast.Module:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def names(module: str) -> set[str]:
    """Every name that a module's code uses, as it is written there."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.partition(".")[0])
    return found


def own(service: str) -> set[str]:
    package = f"services.{service}"
    return {module for module in graph().modules if module == package or module.startswith(f"{package}.")}


def reachable(service: str) -> set[str]:
    """The service's modules and all that they import, directly or not."""
    found = own(service)
    for module in own(service):
        found |= graph().find_upstream_modules(module)
    return found


def ours(modules: set[str]) -> set[str]:
    return {module for module in modules if module.partition(".")[0] in {"schemas", "libs", "services"}}


def effects(service: str) -> set[str]:
    """The modules by which a service can act outside."""
    modules = reachable(service)
    return (modules & OUTSIDE) | {module for module in ours(modules) if "ClientSession" in names(module)}


def replays_of(service: str) -> list[str]:
    """What each consumer that the service builds does with replays."""
    found: list[str] = []
    for module in own(service):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Consumer":
                told = [keyword.value for keyword in node.keywords if keyword.arg == "replays"]
                found += [ast.literal_eval(value) for value in told] or ["refused"]
    return found


def reads_otherwise(service: str) -> set[str]:
    """Readers that give a service records without the guard of libs.bus.consumer."""
    return {
        reader
        for module in ours(reachable(service)) - {"libs.bus.consumer"}
        if not module.startswith("libs.bus.")
        for reader in OTHER_READERS & names(module)
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_effects_outside_or_goes_through_the_guard(service: str) -> None:
    outside = effects(service)
    if not outside or service in STAND_INS:
        return
    assert "handled" not in replays_of(service), (
        f"{service} is given replays (Consumer(…, replays='handled')) and can act outside by {', '.join(outside)}"
    )
    if readers := reads_otherwise(service):
        assert any(GUARD in names(module) for module in own(service)), (
            f"{service} reads topics by {', '.join(readers)} and can act outside by {', '.join(outside)}: "
            f"it must ask libs.bus.replay.{GUARD} before it does"
        )


def test_every_consumer_of_a_topic_is_seen_as_one() -> None:
    """So that the test above has looked at them, and not past them."""
    for topic in topics().values():
        for consumer in topic.consumers:
            assert consumer in SERVICES, f"{consumer} consumes {topic.name}, and is no process"
            assert replays_of(consumer) or reads_otherwise(consumer), f"how does {consumer} read {topic.name}?"


def test_what_a_service_can_do_is_seen() -> None:
    assert "libs.http.client" in effects("mercadolibre_enricher")
    assert replays_of("mercadolibre_enricher") == ["refused"]
    assert effects("projector") == set()
    assert reads_otherwise("projector") == {"GroupReader"}


BY_ITS_FACTS = {"pricing"}
"""Who acts outside by what others make of its facts, and not by itself."""


def test_who_decides_about_dead_letters_is_told_of_every_effect_outside() -> None:
    acting = {name for name in consumers() if effects(name)}
    assert set(EFFECTS) == acting | BY_ITS_FACTS


def test_the_mark_is_an_extension_of_cloudevents_and_travels() -> None:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/t"),
        ("ce_type", b"sellstream.order.changed.v2"),
        ("ce_time", b"2026-11-21T12:00:00Z"),
        ("ce_subject", b"mercadolibre:1"),
        ("ce_dataschema", b"urn:x"),
    ]
    assert not is_replay(headers)
    assert not is_replay(Envelope.of(headers))
    assert mark_of(Envelope.of(headers)) == mark_of(None) == {}
    replayed = [*headers, (HEADER, b"20261121T120000Z-1")]
    envelope = Envelope.of(replayed)
    assert is_replay(replayed)
    assert is_replay(envelope)
    assert mark_of(envelope) == {EXTENSION: "20261121T120000Z-1"}
    assert is_replay([*headers, (HEADER, b"")]), "a mark without a value is a mark"
    assert EXTENSION.isalnum(), "CloudEvents: names of attributes are lower-case letters and digits"
    assert EXTENSION.islower()
