"""What the benchmarks ran on: figures without it mean nothing."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psutil

from bench.python_build import own_build
from libs.stack import Endpoints, StackError
from libs.stack.jars import read_lock
from libs.stack.java import find_java, java_version


async def describe(endpoints: Endpoints) -> dict[str, str]:
    """Names and values for people, in the order of the report."""
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        postgres = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return {
        **hardware(),
        "Kafka": _kafka(endpoints),
        "Java": _java(),
        "PostgreSQL": f"{postgres} ({endpoints.kind})",
        "Go": _output("go", "version") or "none",
    }


def hardware() -> dict[str, str]:
    """The part that is known without any server."""
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "Memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Load before": f"{os.getloadavg()[0]:.2f} (1 minute)",
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {own_build()}",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _kafka(endpoints: Endpoints) -> str:
    if endpoints.kind != "embedded":
        return endpoints.kind
    version = next(jar.version for jar in read_lock() if jar.artifact == "kafka-clients")
    brokers = endpoints.kafka_bootstrap_servers.count(",") + 1
    return f"{version} (embedded, {brokers} broker{'s' if brokers > 1 else ''})"


def _java() -> str:
    try:
        return str(java_version(find_java()))
    except StackError:
        return "none"


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()  # noqa: S603
