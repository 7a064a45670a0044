"""Embedded PostgreSQL: a real server as a child process, with its data in the state folder."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from libs.stack.errors import StackError
from libs.stack.folders import ensure_writable
from libs.stack.locks import folder_lock
from libs.stack.ports import free_ports, is_free
from libs.stack.postgres_binaries import PostgresHome, give_to, postgres_home
from libs.stack.postgres_record import DATABASE, USER, PostgresRecord
from libs.stack.probes import ensure_database, postgres_answers, until
from libs.stack.process import GuardedProcess, ProcessId, signal_all, tail

_START_TIMEOUT = 60.0  # a crash recovery may take a while
_STOP_GRACE = 20.0
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


class EmbeddedPostgres:
    """PostgreSQL below `state_dir/postgres`. `start` joins it when it runs; `stop` stops it only if started here.

    The password is made once and kept, readable by its owner only, in `state_dir/postgres/password`.
    `durable=False` turns fsync off: faster, and a power cut loses the data, though no killed process does; never for
    data that matters.
    For failure tests it can be killed, paused, resumed and started again on the same port with the same data.
    """

    def __init__(
        self, state_dir: Path, *, durable: bool = True, on_progress: Callable[[str], None] = lambda _: None
    ) -> None:
        state_dir = state_dir.absolute()  # the server is started in a folder of its own
        self._state_dir = state_dir
        self._record = PostgresRecord(state_dir)
        self._durable = durable
        self._progress = on_progress
        self._process: GuardedProcess | None = None
        self._identity: ProcessId | None = None
        self._port = 0
        self.log = state_dir / "postgres" / "postgres.log"

    @property
    def name(self) -> str:
        return "postgres"

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it runs."""
        return self._identity.pid if self._identity and self._identity.is_alive() else None

    @property
    def started_here(self) -> bool:
        """Whether this object started the server (and will stop it)."""
        return self._process is not None

    @property
    def database_url(self) -> str:
        """postgresql://… with the password: not for logs."""
        return self._record.url(self._port)

    async def start(self) -> str:
        """Start (or join) the server and wait until `SELECT 1` works; answers `database_url`. Raises StackError."""
        ensure_writable(self._record.folder, mend="Set SELLSTREAM_STATE_DIR to a folder that this user may write.")
        async with folder_lock(self._record.folder):
            if found := self._record.running():
                self._identity, self._port = found
            else:
                if self._process is not None:
                    await self._process.stop()  # it has ended: this lets go of its guard
                await self._launch(await asyncio.to_thread(postgres_home, self._state_dir))
            try:
                await self.ready()
                if self.started_here:
                    await ensure_database(self._record.url(self._port, "postgres"), DATABASE)
            except BaseException:
                await self.stop()
                raise
        return self.database_url

    async def wait(self) -> int:
        """Wait until the server ends; answers its exit code, -1 when another program had started it."""
        process, identity = self._process, self._identity
        if process is not None:
            return await process.wait()
        if identity is not None:
            await identity.ended()
        return -1

    async def stop(self) -> None:
        """A fast shutdown (open transactions are rolled back), if this object started the server."""
        if self._process is not None:
            await self._process.stop()
            self._ended()

    async def kill(self) -> None:
        """SIGKILL to the postmaster: a crash. Waits until its children have noticed and ended; `start` recovers."""
        children = self._tree()[1:]
        signal_all(children, signal.SIGCONT)  # a paused one notices nothing
        if self._process is not None:
            await self._process.kill()
        elif self._identity is not None:
            await self._identity.stop(signal.SIGKILL, 10)
        _, left = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
        signal_all(left, signal.SIGKILL)
        self._ended()

    def pause(self) -> None:
        """SIGSTOP to the postmaster and its children: connections stay open and nothing is answered."""
        signal_all(self._tree(), signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: undo `pause`."""
        signal_all(self._tree(), signal.SIGCONT)

    async def ready(self) -> None:
        """Wait until the server answers. Raises StackError."""
        problem: str | None = None

        async def answers() -> bool:
            nonlocal problem
            if self._identity and not self._identity.is_alive():
                raise StackError(f"PostgreSQL ended while it was starting. {self._log_tail()}")
            problem = await postgres_answers(self._record.url(self._port, "postgres"))
            return problem is None

        await until(
            answers,
            timeout=_START_TIMEOUT,
            expired=lambda: f"PostgreSQL did not answer in {_START_TIMEOUT:.0f} s ({problem}). {self._log_tail()}",
        )

    async def _launch(self, home: PostgresHome) -> None:
        data = home.data_root / "data"
        if data.exists() and home.data_root != self._record.folder and not self._record.has_password():
            # The state folder was removed to begin afresh; its data lay outside of it and must not come back.
            self._progress(f"Removing {data}, whose state folder has been removed")
            await asyncio.to_thread(shutil.rmtree, data)
        if not (data / "PG_VERSION").exists():
            await self._initialise(home, data)
        _remove_stale_pid_file(data)
        self._port = self._port or self._free_port()  # once told to clients, a port is kept
        self._progress("Starting PostgreSQL")
        self._process = await GuardedProcess.start(
            [home.bin / "postgres", "-D", data, *_settings(self._port, durable=self._durable)],
            log=self.log,
            env=_ENVIRONMENT,
            cwd=Path("/"),  # the server's user may not be able to enter the folder this program runs in
            stop_signal=signal.SIGINT,  # "fast shutdown": https://www.postgresql.org/docs/18/server-shutdown.html
            grace=_STOP_GRACE,
            user=home.user,
        )
        self._identity = self._process.identity
        self._record.write(self._identity, self._port)

    def _free_port(self) -> int:
        kept = self._record.last_port()
        return kept if kept and is_free(kept) else free_ports(1)[0]

    async def _initialise(self, home: PostgresHome, data: Path) -> None:
        """initdb into a scratch folder, then one rename: an interrupted first start leaves nothing half-made."""
        self._progress(f"Creating the PostgreSQL data folder {data}")
        password = self._record.password_or_new()
        with tempfile.TemporaryDirectory(dir=home.data_root, prefix=".initdb-") as scratch:
            root = Path(scratch)
            give_to(root, home.user)
            password_file = root / "password"
            password_file.write_text(password, encoding="utf-8")
            give_to(root / "data", home.user)
            if home.user is not None:
                os.chown(password_file, home.user.uid, home.user.gid)
            password_file.chmod(0o600)
            initdb = await GuardedProcess.start(
                [home.bin / "initdb", "-D", root / "data", "-U", USER, "--pwfile", password_file, "-A", "scram-sha-256",
                 "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                 "--no-instructions"],
                log=self.log, env=_ENVIRONMENT, cwd=Path("/"), user=home.user,
            )  # fmt: skip
            try:
                code = await initdb.wait()
            finally:
                await initdb.stop()
            if code != 0:
                raise StackError(
                    f"PostgreSQL's data folder could not be created (initdb: exit {code}). {self._log_tail()}"
                )
            (root / "data").rename(data)

    def _tree(self) -> list[psutil.Process]:
        if self.pid is None:
            raise StackError("PostgreSQL does not run: it cannot be killed, paused or resumed.")
        postmaster = psutil.Process(self.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _ended(self) -> None:
        self._process = None
        self._identity = None
        self._record.clear()

    def _log_tail(self) -> str:
        return f"The end of {self.log}:\n{tail(self.log)}"


def running_postgres(state_dir: Path) -> str | None:
    """The URL of the server that runs in this state folder, or None. Looks at the process, not at the network."""
    record = PostgresRecord(state_dir)
    found = record.running()
    return record.url(found[1]) if found else None


async def stop_running_postgres(state_dir: Path) -> bool:
    """Stop the server of this state folder, whoever started it; False when none ran."""
    record = PostgresRecord(state_dir)
    found = record.running()
    if found is None:
        return False
    await found[0].stop(signal.SIGINT, _STOP_GRACE)
    record.clear()
    return True


def _settings(port: int, *, durable: bool) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",  # every query here is short
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _remove_stale_pid_file(data: Path) -> None:
    """Remove a `postmaster.pid` whose server has ended.

    PostgreSQL itself refuses to start when any living process has the pid in that file, although it may be another
    program that got the number later. Raises StackError when it is a server over this very data.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        command = psutil.Process(pid).cmdline()
    except (FileNotFoundError, psutil.NoSuchProcess):
        command = []
    except psutil.AccessDenied:
        command = []  # somebody else's process: our server runs as us
    if str(data) in command:
        raise StackError(
            f"A PostgreSQL server (pid {pid}) runs over {data}, but is not recorded in the state folder. "
            f"Stop it with: kill -INT {pid}"
        )
    pid_file.unlink(missing_ok=True)
