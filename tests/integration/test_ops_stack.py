"""`sellstream up`, `down`, `status` and `doctor`, as a person runs them; the supervisor over small services."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from libs.stack import state_folder
from libs.stack.ports import free_ports
from libs.stack.postgres_binaries import postgres_home
from libs.stack.probes import until
from services.ops.daemon import find_daemon
from services.ops.daemon_state import DaemonState, read_state
from services.ops.processes import SERVICES

# A service in a dozen lines: it listens where it is told, and is ready when both servers are named.
TINY_SERVICE = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"} <= set(os.environ) else 503)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["TINY_PORT"])), Answer).serve_forever()
"""
DAEMON = """
import os, sys
from pathlib import Path
from services.ops.daemon import Daemon, run_daemon
from services.ops.processes import ServiceSpec
state_dir, port = Path(sys.argv[1]), int(sys.argv[2])
services = (ServiceSpec("tiny", "tiny_service", port),)
sys.exit(run_daemon(Daemon(state_dir, os.environ, services=services, prepare=(("--help",),)), state_dir))
"""


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    folder = state_folder(os.environ) / f"ops-{os.getpid()}"
    yield folder
    shutil.rmtree(postgres_home(folder).data_root, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def environment(state_dir: Path, **more: str) -> dict[str, str]:
    """This test's environment without a stack of its own, on ports that nobody uses."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
    }
    ports = dict(zip((service.port_variable for service in SERVICES), map(str, free_ports(len(SERVICES))), strict=True))
    return inherited | ports | {"SELLSTREAM_STATE_DIR": str(state_dir)} | more


def sellstream(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.ops.cli", *arguments],
        check=False,
        env=env,
        capture_output=True,
        text=True,
        timeout=180,
    )


def findings(run: "subprocess.CompletedProcess[str]") -> dict[str, list[str]]:
    by_level: dict[str, list[str]] = {"ok": [], "warn": [], "fail": []}
    for finding in json.loads(run.stdout):
        by_level[finding["level"]].append(finding["text"])
        assert (finding["mend"] is None) == (finding["level"] == "ok"), finding
    return by_level


def test_doctor_finds_nothing_wrong_here(state_dir: Path) -> None:
    run = sellstream("doctor", "--json", env=environment(state_dir))
    assert findings(run)["fail"] == [], run.stderr
    assert run.returncode == 0


def test_doctor_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = environment(
            tmp_path / "file" / "state", WEBHOOK_GATEWAY_PORT=str(port), DATABASE_URL="postgresql://x@y/z"
        )
        run = sellstream("doctor", env=env)
    assert run.returncode == 1
    assert "fail The folder" in run.stdout
    assert "→ Set SELLSTREAM_STATE_DIR to a folder that this user may write." in run.stdout
    assert f"fail Another program listens on: {port} (webhook_gateway)." in run.stdout
    assert "choose other ports with WEBHOOK_GATEWAY_PORT" in run.stdout
    assert "DATABASE_URL is set, but KAFKA_BOOTSTRAP_SERVERS is not" in run.stdout


def test_doctor_asks_the_servers_that_the_environment_names(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    servers = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "DATABASE_URL": f"postgresql://a:hidden@127.0.0.1:{port}/b",
    }
    run = sellstream("doctor", "--json", env=environment(tmp_path, **servers))
    assert run.returncode == 1
    texts = findings(run)["fail"]
    assert any(text.startswith(f"Kafka (external) does not answer at 127.0.0.1:{port}") for text in texts)
    assert any(text.startswith("PostgreSQL (external) does not answer") for text in texts)
    assert "hidden" not in run.stdout + run.stderr


def test_doctor_names_a_damaged_jar(tmp_path: Path) -> None:
    from libs.stack.jars import jars_folder, read_lock  # noqa: PLC0415

    folder = jars_folder(tmp_path / "cache", read_lock())
    folder.mkdir(parents=True)
    jar = folder / read_lock()[0].filename
    jar.write_bytes(b"damaged")
    run = sellstream("doctor", "--json", env=environment(tmp_path, SELLSTREAM_CACHE_DIR=str(tmp_path / "cache")))
    assert run.returncode == 1
    (text,) = findings(run)["fail"]
    assert f"{jar.name} has the wrong checksum" in text
    assert f"Delete {jar}" in text


def test_status_and_down_where_nothing_runs(tmp_path: Path) -> None:
    run = sellstream("status", env=environment(tmp_path))
    assert (run.returncode, run.stdout) == (1, f"Nothing runs in {tmp_path}. Start it with: sellstream up\n")
    run = sellstream("down", env=environment(tmp_path))
    assert (run.returncode, run.stdout) == (0, "Nothing was running.\n")


def test_up_refuses_what_cannot_work_before_starting_anything(tmp_path: Path) -> None:
    run = sellstream("up", env=environment(tmp_path, DATABASE_URL="postgresql://x@y/z"))
    assert run.returncode == 1
    assert "KAFKA_BOOTSTRAP_SERVERS is not" in run.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = sellstream("up", env=environment(tmp_path, PROJECTOR_PORT=str(taken.getsockname()[1])))
    assert run.returncode == 1
    assert "(projector)" in run.stderr
    assert "Traceback" not in run.stderr
    assert read_state(tmp_path) is None


async def running(state_dir: Path, daemon: "subprocess.Popen[bytes]") -> DaemonState:
    found: DaemonState | None = None

    async def ready() -> bool:
        nonlocal found
        found = find_daemon(state_dir)
        assert daemon.poll() is None, f"the supervisor ended: {read_state(state_dir)}"
        return found is not None and found.phase == "running"

    await until(ready, timeout=90, expired=lambda: f"not running: {found}")
    assert found is not None
    return found


async def gone(pids: list[int]) -> None:
    async def ended() -> bool:
        return not any(map(psutil.pid_exists, pids))

    await until(ended, timeout=60, expired=lambda: f"still there: {[pid for pid in pids if psutil.pid_exists(pid)]}")


async def test_the_supervisor_runs_it_all_restarts_what_dies_and_stops_in_order(
    state_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny_service.py").write_text(TINY_SERVICE)
    (port,) = free_ports(1)
    env = environment(state_dir, PYTHONPATH=str(tmp_path))
    command = [sys.executable, "-c", DAEMON, str(state_dir), str(port)]
    daemon = subprocess.Popen(command, env=env)  # noqa: ASYNC220
    try:
        state = await running(state_dir, daemon)
        assert [process.name for process in state.processes] == ["kafka-1", "postgres", "tiny"]
        assert state.kind == "embedded"
        run = sellstream("status", "--json", env=env)
        status = json.loads(run.stdout)
        assert (run.returncode, status["well"]) == (0, True), run.stdout
        assert f"127.0.0.1:{port}" in [row["address"] for row in status["rows"]]

        for process in state.processes:  # Kafka, PostgreSQL and the service: each crash is mended
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)

        async def mended() -> bool:
            now = find_daemon(state_dir)
            return now is not None and all(p.restarts == 1 and p.state == "ready" for p in now.processes)

        await until(mended, timeout=90, expired=lambda: f"not mended: {read_state(state_dir)}")
        assert sellstream("status", env=env).returncode == 0

        second = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=60)  # noqa: ASYNC221
        assert second.returncode == 3, "only one supervisor per state folder"

        now = find_daemon(state_dir)
        assert now is not None
        pids = [process.pid for process in now.processes if process.pid]
        run = sellstream("down", env=env)
        assert (run.returncode, run.stdout) == (0, "Stopping …\nEverything is stopped.\n"), run.stderr
        assert daemon.wait(30) == 0
        await gone(pids)
    finally:
        daemon.kill()
        daemon.wait()


async def test_nothing_stays_when_the_supervisor_is_killed(state_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny_service.py").write_text(TINY_SERVICE)
    (port,) = free_ports(1)
    env = environment(state_dir, PYTHONPATH=str(tmp_path))
    daemon = subprocess.Popen([sys.executable, "-c", DAEMON, str(state_dir), str(port)], env=env)  # noqa: ASYNC220
    try:
        state = await running(state_dir, daemon)
    finally:
        daemon.kill()
        daemon.wait()
    await gone([process.pid for process in state.processes if process.pid])
    run = sellstream("status", env=env)
    assert (run.returncode, run.stdout) == (1, f"Nothing runs in {state_dir}. Start it with: sellstream up\n")


async def test_a_service_that_keeps_crashing_is_named_and_the_rest_runs(state_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny_service.py").write_text("raise SystemExit('tiny: the setting TINY_ACCOUNTS is wrong')")
    (port,) = free_ports(1)
    env = environment(state_dir, PYTHONPATH=str(tmp_path))
    daemon = subprocess.Popen([sys.executable, "-c", DAEMON, str(state_dir), str(port)], env=env)  # noqa: ASYNC220
    try:

        async def degraded() -> bool:
            now = find_daemon(state_dir)
            return now is not None and now.phase == "degraded"

        await until(degraded, timeout=90, expired=lambda: f"not reported: {read_state(state_dir)}")
        for command in ("status", "up"):
            run = sellstream(command, env=env)
            assert run.returncode == 1
            assert "the setting TINY_ACCOUNTS is wrong" in run.stdout + run.stderr
        assert sellstream("down", env=env).returncode == 0
    finally:
        daemon.kill()
        daemon.wait()
