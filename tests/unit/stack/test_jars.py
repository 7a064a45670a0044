"""Kafka's jars: pinned, verified, fetched once. The jars here are made up, and offered by a local Maven repository."""

import asyncio
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.stack import StackError
from libs.stack.jars import Jar, jars_folder, read_lock, resolve_jars, unverified

CONTENT = b"made up, but large enough to be a jar" * 100


def a_jar(name: str = "broker", content: bytes = CONTENT) -> Jar:
    return Jar("org.example.kafka", name, "4.1.1", hashlib.sha256(content).hexdigest())


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of a Maven repository that is served on 127.0.0.1; the only one that is known."""
    root = tmp_path / "maven"
    root.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Quiet(*args, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("SELLSTREAM_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "no-local-repository"))
    yield root
    server.shutdown()
    thread.join()
    server.server_close()


def publish(maven: Path, jar: Jar, content: bytes = CONTENT) -> None:
    path = maven / jar.maven_path
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_the_lock_file_pins_the_whole_closure() -> None:
    jars = read_lock()
    assert len(jars) == len({jar.filename for jar in jars}) == 46
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.1.1"}


async def test_jars_are_fetched_once(maven: Path, tmp_path: Path) -> None:
    jars = (a_jar("one"), a_jar("two"))
    for jar in jars:
        publish(maven, jar)
    said: list[str] = []
    paths = await resolve_jars(tmp_path / "cache", jars, on_progress=said.append)
    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert said
    for jar in jars:
        (maven / jar.maven_path).unlink()
    said.clear()
    assert await resolve_jars(tmp_path / "cache", jars, on_progress=said.append) == paths
    assert not said


async def test_the_local_maven_repository_is_used_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = a_jar()
    publish(tmp_path / "m2", jar)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("SELLSTREAM_MAVEN_REPOSITORY", "http://127.0.0.1:1")
    (path,) = await resolve_jars(tmp_path / "cache", (jar,))
    assert path.read_bytes() == CONTENT


async def test_parallel_first_starts_do_not_disturb_each_other(maven: Path, tmp_path: Path) -> None:
    jars = tuple(a_jar(f"part-{number}") for number in range(12))
    for jar in jars:
        publish(maven, jar)
    answers = await asyncio.gather(*(resolve_jars(tmp_path / "cache", jars) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert not unverified(jars_folder(tmp_path / "cache", jars), jars)


async def test_a_damaged_jar_is_named_with_the_way_to_mend_it(maven: Path, tmp_path: Path) -> None:
    jar = a_jar()
    publish(maven, jar)
    (path,) = await resolve_jars(tmp_path / "cache", (jar,))
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(StackError, match=r"broker-4\.1\.1\.jar has the wrong checksum") as refused:
        await resolve_jars(tmp_path / "cache", (jar,))
    assert f"Delete {path} and start again" in str(refused.value)
    path.unlink()  # what the sentence says …
    assert await resolve_jars(tmp_path / "cache", (jar,)) == [path]  # … mends it


@pytest.mark.filterwarnings("ignore")
async def test_a_repository_that_changes_files_is_refused(maven: Path, tmp_path: Path) -> None:
    jar = a_jar()
    publish(maven, jar, b"something else")
    with pytest.raises(StackError, match="wrong checksum"):
        await resolve_jars(tmp_path / "cache", (jar,))
    assert not (jars_folder(tmp_path / "cache", (jar,)) / jar.filename).exists()


async def test_a_jar_that_cannot_be_fetched_is_named(maven: Path, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"broker-4\.1\.1\.jar cannot be fetched .* SELLSTREAM_MAVEN_REPOSITORY"):
        await resolve_jars(tmp_path / "cache", (a_jar(),))
