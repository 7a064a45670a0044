"""Apache Kafka's jars: the pinned closure in `kafka-jars.lock`, fetched once from Maven and verified."""

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.folders import write_private
from libs.stack.locks import folder_lock

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")
_VERIFIED = "verified.json"


@dataclass(frozen=True)
class Jar:
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def maven_path(self) -> Path:
        """The path below the root of a Maven repository."""
        return Path(*self.group.split("."), self.artifact, self.version, self.filename)


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The jars of a lock file: lines `group:artifact:version sha256`; `#` starts a comment line."""
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            coordinates, sha256 = line.split(" ")
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return tuple(jars)


def jars_folder(cache_dir: Path, jars: Iterable[Jar]) -> Path:
    """The folder of one closure: another lock file gets another folder, so versions live side by side."""
    closure = "\n".join(jar.sha256 for jar in jars).encode()
    return cache_dir / f"kafka-{hashlib.sha256(closure).hexdigest()[:12]}"


def unverified(folder: Path, jars: Iterable[Jar]) -> list[Jar]:
    """The jars that are missing, or changed (by size or time) since their checksum was last verified."""
    try:
        verified = json.loads((folder / _VERIFIED).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        verified = {}
    return [jar for jar in jars if verified.get(jar.filename, "never") != _fingerprint(folder / jar.filename)]


async def resolve_jars(
    cache_dir: Path, jars: tuple[Jar, ...] | None = None, *, on_progress: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """The paths of all jars, in the order of the lock file; what is missing is fetched, what is new is verified.

    Raises StackError when a jar cannot be fetched, or when a jar has the wrong checksum.
    """
    jars = jars or read_lock()
    folder = jars_folder(cache_dir, jars)
    if unverified(folder, jars):
        async with folder_lock(folder):
            if todo := unverified(folder, jars):  # another process may have done it while this one waited
                await asyncio.to_thread(_fetch_and_verify, folder, todo, on_progress)
                fingerprints = {jar.filename: _fingerprint(folder / jar.filename) for jar in jars}
                write_private(folder / _VERIFIED, json.dumps(fingerprints, indent=1))
    return [folder / jar.filename for jar in jars]


def verify_jars(folder: Path, jars: Iterable[Jar]) -> None:
    """Compare these jars with their checksums. Raises StackError for the first that differs."""
    for jar in jars:
        _verify(jar, folder / jar.filename)


def _fetch_and_verify(folder: Path, jars: list[Jar], on_progress: Callable[[str], None]) -> None:
    missing = [jar for jar in jars if not (folder / jar.filename).exists()]
    verify_jars(folder, [jar for jar in jars if jar not in missing])
    if not missing:
        return
    on_progress(f"Fetching {len(missing)} jars of Apache Kafka into {folder} (once)")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as download, ThreadPoolExecutor(8) as pool:
        for done, _ in enumerate(pool.map(lambda jar: _fetch(jar, Path(download), folder), missing), start=1):
            if done % 10 == 0 or done == len(missing):
                on_progress(f"Fetched {done} of {len(missing)} jars")


def _fetch(jar: Jar, download: Path, folder: Path) -> None:
    """Put one jar into `folder` in one step, and only with the right checksum."""
    local = _local_maven_repository() / jar.maven_path
    if local.is_file() and _sha256(local) == jar.sha256:
        found = download / jar.filename
        shutil.copyfile(local, found)
    else:
        found = _download(jar, download)
        _verify(jar, found)
    found.replace(folder / jar.filename)


def _download(jar: Jar, download: Path) -> Path:
    mirror = os.environ.get("SELLSTREAM_MAVEN_REPOSITORY")
    # Not above: its import takes a third of a command's start, and it is used once in an installation's life.
    from jgo.maven import MavenContext  # noqa: PLC0415

    context = MavenContext(repo_cache=download, remote_repos={"mirror": mirror} if mirror else None, timeout=60)
    try:
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        return Path(component.artifact().resolve())
    except Exception as error:  # jgo documents no exception types: whatever it is, the mending is the same
        raise StackError(
            f"{jar.filename} cannot be fetched from Maven: {error}. Check the network (HTTPS_PROXY), or set "
            f"SELLSTREAM_MAVEN_REPOSITORY to a mirror, or copy the jar from another machine into the cache folder."
        ) from error


def _verify(jar: Jar, path: Path) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise StackError(
            f"{jar.filename} has the wrong checksum: {LOCK_FILE.name} says sha256 {jar.sha256}, {path} has {found}. "
            f"Delete {path} and start again; it is then fetched anew. If the fresh copy is refused too, the source "
            "(SELLSTREAM_MAVEN_REPOSITORY or a proxy) changes files: use another."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _local_maven_repository() -> Path:
    return Path(os.environ.get("M2_REPO") or Path(os.environ.get("HOME", "/")) / ".m2" / "repository")
