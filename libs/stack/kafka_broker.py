"""One embedded Kafka broker: its folder, its process, and the ways to end it."""

import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.folders import read_kept, write_private
from libs.stack.kafka_config import JVM_OPTIONS, BrokerAddress
from libs.stack.probes import kafka_brokers, until
from libs.stack.process import GuardedProcess, ProcessId, tail

# Data is safe after SIGKILL too (it is in the page cache, and Kafka replays its log); an orderly stop saves the replay.
_STOP_GRACE = 15.0


@dataclass(frozen=True)
class Runtime:
    """What it takes to run Kafka's programs: a `java` and the jars."""

    java: Path
    jars: list[Path]

    def command(self, main_class: str, *arguments: str | Path) -> list[str]:
        classpath = ":".join(map(str, self.jars))
        return [str(self.java), *JVM_OPTIONS, "-cp", classpath, main_class, *map(str, arguments)]


class Broker:
    """A broker in `folder`: `data/`, `server.properties`, `kafka.log` and, while it runs, `running.json`."""

    def __init__(self, address: BrokerAddress, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "kafka.log"
        self._properties = folder / "server.properties"
        self._running = folder / "running.json"
        self._runtime: Runtime | None = None
        self._process: GuardedProcess | None = None  # when this program started it
        self._identity: ProcessId | None = None

    @property
    def name(self) -> str:
        """`kafka-1` …"""
        return f"kafka-{self.address.node_id}"

    @property
    def port(self) -> int:
        return self.address.port

    @property
    def pid(self) -> int | None:
        """The pid of the JVM while it runs."""
        return self._identity.pid if self._identity and self._identity.is_alive() else None

    def attach(self) -> bool:
        """Find the process that an earlier start recorded; False (and the stale record is removed) if it has ended."""
        text = read_kept(self._running)
        if text is None:
            return False
        identity = ProcessId(**json.loads(text))
        if not identity.is_alive():
            self._running.unlink(missing_ok=True)
            return False
        self._identity = identity
        return True

    async def prepare(self, runtime: Runtime, cluster_id: str, properties: str) -> None:
        """Write the settings and, the first time, format the data folder. Raises StackError."""
        self._runtime = runtime
        self.data.mkdir(parents=True, exist_ok=True)
        write_private(self._properties, properties)
        if (self.data / "meta.properties").exists():
            return
        arguments = ["format", "--cluster-id", cluster_id, "--config", str(self._properties), "--ignore-formatted"]
        formatter = await GuardedProcess.start(runtime.command("kafka.tools.StorageTool", *arguments), log=self.log)
        try:
            code = await formatter.wait()
        finally:
            await formatter.stop()
        if code != 0:
            raise StackError(f"Kafka's storage in {self.data} could not be formatted (exit {code}). {self._log_tail()}")

    async def start(self) -> None:
        """Start the process, on the same port and data as before; `ready` waits for it. Needs `prepare` once."""
        if self._process is not None:
            await self._process.stop()  # it has ended: this lets go of its guard
        if self._runtime is None:
            raise StackError(
                f"Broker {self.address.node_id} was started by another program; only that one starts it again."
            )
        self._process = await GuardedProcess.start(
            self._runtime.command("kafka.Kafka", self._properties), log=self.log, grace=_STOP_GRACE
        )
        self._identity = self._process.identity
        write_private(self._running, json.dumps(asdict(self._identity)))

    async def ready(self, *, timeout: float = 60) -> None:  # noqa: ASYNC109 - the error's text names it
        """Wait until this broker itself answers a metadata request. Raises StackError."""

        async def answers() -> bool:
            self.raise_if_ended()
            return self.address.node_id in await kafka_brokers(f"127.0.0.1:{self.port}")

        await until(
            answers,
            timeout=timeout,
            expired=lambda: f"Broker {self.address.node_id} did not answer within {timeout:.0f} s. {self._log_tail()}",
        )

    async def wait(self) -> int:
        """Wait until the process ends; answers its exit code, -1 when another program had started it."""
        process, identity = self._process, self._identity
        if process is not None:
            return await process.wait()
        if identity is not None:
            await identity.ended()
        return -1

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        if self._process is not None:
            await self._process.stop()
        elif self._identity is not None:
            await self._identity.stop(signal.SIGTERM, _STOP_GRACE)
        self._ended()

    async def kill(self) -> None:
        """SIGKILL: a crash. The data stays, `start` brings it back."""
        if self._process is not None:
            await self._process.kill()
        elif self._identity is not None:
            await self._identity.stop(signal.SIGKILL, 10)
        self._ended()

    def pause(self) -> None:
        """SIGSTOP: the broker keeps its connections and answers nothing."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: undo `pause`."""
        self._send(signal.SIGCONT)

    def raise_if_ended(self) -> None:
        """Raises StackError, with the end of the log, when the process has ended by itself."""
        if self._identity is not None and not self._identity.is_alive():
            raise StackError(f"Kafka broker {self.address.node_id} ended while it was starting. {self._log_tail()}")

    def _send(self, number: signal.Signals) -> None:
        if self._identity is None or not self._identity.send(number):
            raise StackError(f"Broker {self.address.node_id} does not run: it cannot be sent {number.name}.")

    def _ended(self) -> None:
        self._process = None
        self._identity = None
        self._running.unlink(missing_ok=True)

    def _log_tail(self) -> str:
        return f"The end of {self.log}:\n{tail(self.log)}"
