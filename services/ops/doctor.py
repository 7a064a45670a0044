"""What `sellstream doctor` examines: one function a subject, each answering findings in plain sentences."""

import asyncio
import importlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from libs.compiled import state, told
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.secrets.keys import SecretsError
from libs.secrets.settings import KEYS, KEYS_FILE
from libs.secrets.tables import secrets_by_key, unsealed
from libs.stack import StackError, cache_folder, external_endpoints, find_endpoints, state_folder
from libs.stack.containers import container_engine_problem
from libs.stack.folders import ensure_writable
from libs.stack.jars import jars_folder, read_lock, unverified, verify_jars
from libs.stack.java import find_java, java_version
from libs.stack.ports import is_free
from libs.stack.postgres_binaries import packaged_bin
from libs.stack.probes import kafka_brokers, postgres_answers
from services.ops.daemon import find_daemon
from services.ops.processes import SERVICES
from services.ops.sandbox_wiring import wants_sandbox
from services.ops.secret_keys import key_file, vault_of

_OLDEST_PYTHON = (3, 11)
_LITTLE_SPACE = 2 * 1024**3
_PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")}
_INSTALL = "Run `make setup` (or: pip install -r requirements.lock && pip install -e .)."
_OWN_SERVERS = "Or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL to servers of your own."


@dataclass(frozen=True)
class Finding:
    """One line of the report: a sentence and, where not all is well, how to mend it."""

    level: Literal["ok", "warn", "fail"]
    text: str
    mend: str | None = None


async def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Every finding, in the order of dependence: what comes first breaks what comes after it."""
    findings: list[Finding] = []
    for check in (
        _python,
        _platform,
        _dependencies,
        _compiled,
        _java,
        _postgres,
        _state,
        _jars,
        _space,
        _ports,
        _engine,
        _keys,
    ):
        findings += await asyncio.to_thread(_findings, check, environ)
    return findings + await _running_stack(environ)


def _findings(check: Callable[[Mapping[str, str]], Iterator[Finding]], environ: Mapping[str, str]) -> list[Finding]:
    try:
        return list(check(environ))
    except StackError as error:
        return [Finding("fail", str(error), "Do what that sentence says, and ask doctor again.")]


def _python(_: Mapping[str, str]) -> Iterator[Finding]:
    found = platform.python_version()
    if sys.version_info >= _OLDEST_PYTHON:
        yield Finding("ok", f"Python {found} at {sys.executable}.")
    else:
        yield Finding(
            "fail", f"Python {found} is too old.", "Install Python 3.11 or newer, and run `make setup` again."
        )


def _platform(_: Mapping[str, str]) -> Iterator[Finding]:
    system, machine = platform.system(), platform.machine()
    if (system, machine) in _PLATFORMS:
        yield Finding("ok", f"{system} on {machine}: the embedded Kafka and PostgreSQL are made for it.")
    else:
        yield Finding(
            "warn", f"{system} on {machine}: there is no embedded PostgreSQL for it.",
            f"Use docker compose, or Linux or macOS on x86_64 or ARM. {_OWN_SERVERS}",
        )  # fmt: skip


def _dependencies(_: Mapping[str, str]) -> Iterator[Finding]:
    try:
        wanted = [Requirement(text) for text in requires("sellstream") or []]
    except PackageNotFoundError:
        yield Finding("fail", "sellstream itself is not installed in this Python.", _INSTALL)
        return
    problems = []
    for requirement in wanted:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            if not requirement.specifier.contains(version(requirement.name), prereleases=True):
                problems.append(f"{requirement.name} {version(requirement.name)} (needs {requirement.specifier})")
        except PackageNotFoundError:
            problems.append(f"{requirement.name} (missing)")
    for module in ("aiokafka", "asyncpg", "aiohttp", "uvloop", "pydantic"):  # compiled: installed is not yet usable
        try:
            importlib.import_module(module)
        except ImportError as error:
            problems.append(f"{module} (cannot be imported: {error})")
    if problems:
        yield Finding("fail", f"Dependencies are missing or wrong: {', '.join(problems)}.", _INSTALL)
    else:
        yield Finding("ok", "All dependencies are installed and can be imported.")


def _compiled(_: Mapping[str, str]) -> Iterator[Finding]:
    mend = "Run `make setup`; .venv/compile.log tells what was wrong. Without a C compiler nothing else changes."
    yield Finding("ok", told()) if state() == "compiled" else Finding("warn", told(), mend)


def _java(_: Mapping[str, str]) -> Iterator[Finding]:
    try:
        java = find_java()
        yield Finding("ok", f"Java {java_version(java)} starts: {java}.")
    except StackError as error:
        yield Finding("fail", f"The embedded Kafka cannot run: {error}", f"{_INSTALL} {_OWN_SERVERS}")


def _postgres(_: Mapping[str, str]) -> Iterator[Finding]:
    try:
        binary = packaged_bin() / "postgres"
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
        yield Finding("ok", f"PostgreSQL's programs start: {answer.stdout.strip()}.")
    except StackError as error:
        yield Finding("fail", f"The embedded PostgreSQL cannot run: {error}", f"{_INSTALL} {_OWN_SERVERS}")
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("fail", f"PostgreSQL's programs do not start: {error}.", f"{_INSTALL} {_OWN_SERVERS}")


def _state(environ: Mapping[str, str]) -> Iterator[Finding]:
    folder = state_folder(environ)
    mend = "Set SELLSTREAM_STATE_DIR to a folder that this user may write."
    try:
        ensure_writable(folder, mend="")
        yield Finding("ok", f"The state folder can be written: {folder}.")
    except StackError as error:
        yield Finding("fail", str(error), mend)


def _jars(environ: Mapping[str, str]) -> Iterator[Finding]:
    jars = read_lock()
    try:
        cache = cache_folder(environ, state_folder(environ))
        folder = jars_folder(cache.path, jars)
        if cache.note:
            yield Finding("warn", cache.note, "Set SELLSTREAM_CACHE_DIR to a folder that this user may write.")
        missing = [jar for jar in jars if not (folder / jar.filename).exists()]
        if missing:
            text = f"{len(missing)} of Kafka's {len(jars)} jars are not in {folder} yet."
            yield Finding("warn", text, "Nothing to do: the first `sellstream up` fetches them (about 45 MB).")
        verify_jars(folder, [jar for jar in unverified(folder, jars) if jar not in missing])
        if not missing:
            yield Finding("ok", f"Kafka's {len(jars)} jars are in {folder}, and their checksums are right.")
    except StackError as error:
        yield Finding(
            "fail", f"Kafka's jars are not usable: {error}", "Do what that sentence says, and ask doctor again."
        )


def _space(environ: Mapping[str, str]) -> Iterator[Finding]:
    folder = state_folder(environ)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1024**3:.1f} GiB are free for {folder}."
    if free >= _LITTLE_SPACE:
        yield Finding("ok", text)
    else:
        yield Finding(
            "warn", text, "Make room (2 GiB or more), or set SELLSTREAM_STATE_DIR to a folder on another disk."
        )


def _ports(environ: Mapping[str, str]) -> Iterator[Finding]:
    if find_daemon(state_folder(environ)):
        return  # they are taken, by the services themselves
    taken = [service for service in SERVICES if not is_free(service.port_in(environ))]
    if taken:
        ports = ", ".join(f"{service.port_in(environ)} ({service.name})" for service in taken)
        variables = ", ".join(service.port_variable for service in taken)
        yield Finding(
            "fail",
            f"Another program listens on: {ports}.",
            f"End that program, or choose other ports with {variables}.",
        )
    else:
        yield Finding("ok", "The services' ports are free.")


def _engine(_: Mapping[str, str]) -> Iterator[Finding]:
    problem = container_engine_problem()
    if problem is None:
        yield Finding("ok", "A container engine answers: the tests use containers.")
    else:
        yield Finding("ok", f"Containers are not used: {problem}. The embedded stack does not need them.")


def _keys(environ: Mapping[str, str]) -> Iterator[Finding]:
    mend = "`sellstream secrets generate` prints a key: set it as SELLSTREAM_SECRETS_KEYS, and keep a copy."
    named = environ.get(KEYS) or environ.get(KEYS_FILE)
    if not named and external_endpoints(environ) is None and not key_file(state_folder(environ)).exists():
        yield Finding("ok", "No key for stored tokens yet: the first `sellstream up` makes one in the state folder.")
        return
    try:
        ids = vault_of(environ, state_folder(environ)).key_ids
    except SecretsError as error:
        if not named and wants_sandbox(environ):
            yield Finding(
                "ok", "No key for stored tokens is set: for the sandbox's accounts `sellstream up` makes one."
            )
            return
        yield Finding("fail", f"Stored tokens cannot be read: {error}.", mend)
        return
    others = f"; {len(ids) - 1} older ones still open" if len(ids) > 1 else ""
    yield Finding("ok", f"Stored tokens are encrypted with the key {ids[0]}{others}.")


async def _stored_secrets(environ: Mapping[str, str], database_url: str) -> list[Finding]:
    """Whether the keys open what is stored, and whether something still waits for its encryption or a rotation."""
    try:
        ids = vault_of(environ, state_folder(environ)).key_ids
        async with Database(database_url, application="sellstream doctor", most=1) as database:
            counted = await secrets_by_key(database)
            plain = await unsealed(database)
    except (SecretsError, DatabaseAway, NotMigrated):
        return []  # told by the checks of the keys and of PostgreSQL
    findings = []
    if lost := {key for key in counted if key not in ids}:
        text = f"{sum(counted[key] for key in lost)} stored secrets need the keys {', '.join(sorted(lost))}."
        findings.append(Finding("fail", text, "Put them back, or `sellstream secrets forget` and authorise again."))
    if older := sum(counted[key] for key in ids[1:]):
        text = f"{older} stored secrets are encrypted with older keys."
        findings.append(Finding("warn", text, "`sellstream secrets rotate` encrypts them with the first key."))
    if plain:
        text = f"{plain} accounts' tokens stand in plain text, from before tokens were encrypted."
        mend = (
            "Each is taken over when a service configured for it starts; TRUNCATE oauth.unsealed_tokens drops the rest."
        )
        findings.append(Finding("warn", text, mend))
    return findings


async def _running_stack(environ: Mapping[str, str]) -> list[Finding]:
    try:
        external_endpoints(environ)
        endpoints = find_endpoints(environ, state_folder(environ))
    except StackError as error:
        return [Finding("fail", str(error), "Set or unset the variable named above.")]
    if endpoints is None:
        return [Finding("ok", "No stack runs now. `sellstream up` starts one.")]
    logs: Path = state_folder(environ)
    external = endpoints.kind == "external"
    look = "Check the variable, the server and the way to it." if external else f"Look at the logs in {logs}."
    brokers = await kafka_brokers(endpoints.kafka_bootstrap_servers)
    problem = await postgres_answers(endpoints.database_url)
    servers = endpoints.kafka_bootstrap_servers
    return [
        Finding("ok", f"Kafka ({endpoints.kind}) answers at {servers}: {len(brokers)} broker(s).")
        if brokers
        else Finding("fail", f"Kafka ({endpoints.kind}) does not answer at {servers}.", look),
        Finding("ok", f"PostgreSQL ({endpoints.kind}) answers.")
        if problem is None
        else Finding("fail", f"PostgreSQL ({endpoints.kind}) does not answer: {problem}", look),
        *([] if problem else await _stored_secrets(environ, endpoints.database_url)),
    ]
