"""Embedded Kafka: one or three real brokers as child processes, with their data in the state folder."""

import asyncio
import base64
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.folders import cache_folder, ensure_writable, read_kept, write_private
from libs.stack.jars import resolve_jars
from libs.stack.java import find_java
from libs.stack.kafka_broker import Broker, Runtime
from libs.stack.kafka_config import BrokerAddress, server_properties
from libs.stack.locks import folder_lock
from libs.stack.ports import free_ports, is_free
from libs.stack.probes import kafka_brokers, until

_START_TIMEOUT = 120.0


@dataclass(frozen=True)
class _Cluster:
    """What `cluster.json` keeps: the identity of the data, and the ports of the last run."""

    cluster_id: str
    brokers: list[BrokerAddress]

    @classmethod
    def read(cls, folder: Path) -> "_Cluster | None":
        text = read_kept(folder / "cluster.json")
        if text is None:
            return None
        kept = json.loads(text)
        return cls(kept["cluster_id"], [BrokerAddress(**broker) for broker in kept["brokers"]])

    def write(self, folder: Path) -> None:
        write_private(folder / "cluster.json", json.dumps(asdict(self), indent=1))


class EmbeddedKafka:
    """Kafka below `state_dir/kafka`. `start` joins it when it runs; `stop` stops it only if it was started here.

    `brokers`: 1 or 3; None: as many as the folder already has, else 1. Durable: data survives stop, kill and restart.
    For failure tests each of `brokers` can be killed, stopped, paused, resumed and started again by itself, and
    `advertised_ports` (by node id) are what clients are told instead of the brokers' own, to put proxies between.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        brokers: int | None = None,
        advertised_ports: Mapping[int, int] | None = None,
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        if brokers not in (None, 1, 3):
            raise ValueError(f"An embedded Kafka has 1 or 3 brokers, not {brokers}.")
        state_dir = state_dir.absolute()  # the brokers are started in a folder of their own
        self._state_dir = state_dir
        self._folder = state_dir / "kafka"
        self._wanted = brokers
        self._advertised = advertised_ports or {}
        self._progress = on_progress
        self.brokers: list[Broker] = []
        self.started_here = False

    @property
    def bootstrap_servers(self) -> str:
        """host:port of every broker, comma separated."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    async def start(self) -> str:
        """Start (or join) all brokers, wait until a metadata request names each of them; answers `bootstrap_servers`.

        Raises StackError.
        """
        ensure_writable(self._folder, mend="Set SELLSTREAM_STATE_DIR to a folder that this user may write.")
        async with folder_lock(self._folder):
            cluster = _Cluster.read(self._folder)
            self._check_count(cluster)
            addresses = cluster.brokers if cluster else []
            running = [broker for broker in map(self._broker, addresses) if broker.attach()]
            if running and len(running) == len(addresses):
                self.brokers = running
            else:
                for broker in running:  # left over by a start that did not finish
                    await broker.stop()
                await self._start_all(cluster)
            try:
                await self._until_ready()
            except BaseException:
                await self.stop()
                raise
        return self.bootstrap_servers

    async def stop(self) -> None:
        """Stop the brokers that this object started, all at once."""
        if self.started_here:
            await asyncio.gather(*(broker.stop() for broker in self.brokers))
            self.started_here = False

    async def _start_all(self, cluster: _Cluster | None) -> None:
        runtime = await self._runtime()
        count = self._wanted or (len(cluster.brokers) if cluster else 1)
        cluster = _with_free_ports(cluster, count)
        cluster.write(self._folder)
        self.brokers = [self._broker(address) for address in cluster.brokers]
        self.started_here = True
        self._progress(f"Starting Kafka ({count} broker{'s' if count > 1 else ''})")
        try:
            await asyncio.gather(
                *(
                    broker.prepare(runtime, cluster.cluster_id, self._properties(broker, cluster))
                    for broker in self.brokers
                )
            )
            await asyncio.gather(*(broker.start() for broker in self.brokers))
        except BaseException:
            await self.stop()
            raise

    async def _until_ready(self) -> None:
        expected = {broker.address.node_id for broker in self.brokers}

        async def ready() -> bool:
            for broker in self.brokers:
                broker.raise_if_ended()
            return await kafka_brokers(self.bootstrap_servers) == expected

        await until(
            ready,
            timeout=_START_TIMEOUT,
            expired=lambda: (
                f"Kafka did not answer within {_START_TIMEOUT:.0f} s. Its logs: "
                + ", ".join(str(broker.log) for broker in self.brokers)
            ),
        )

    async def _runtime(self) -> Runtime:
        cache = cache_folder(os.environ, self._state_dir)
        if cache.note:
            self._progress(cache.note)
        java = await asyncio.to_thread(find_java)
        return Runtime(java, await resolve_jars(cache.path, on_progress=self._progress))

    def _properties(self, broker: Broker, cluster: _Cluster) -> str:
        advertised = self._advertised.get(broker.address.node_id)
        return server_properties(broker.address, cluster.brokers, broker.data, advertised)

    def _broker(self, address: BrokerAddress) -> Broker:
        return Broker(address, self._folder / f"broker-{address.node_id}")

    def _check_count(self, cluster: _Cluster | None) -> None:
        if cluster and self._wanted and len(cluster.brokers) != self._wanted:
            raise StackError(
                f"{self._folder} holds the data of {len(cluster.brokers)} Kafka broker(s), "
                f"but {self._wanted} were asked for. "
                f"Start with {len(cluster.brokers)}, or set SELLSTREAM_STATE_DIR to another folder, "
                f"or (this deletes its topics) stop it and remove {self._folder}."
            )


def running_kafka(state_dir: Path) -> str | None:
    """`bootstrap_servers` of the Kafka that runs in this state folder, or None. Looks at processes, not the network."""
    folder = state_dir / "kafka"
    cluster = _Cluster.read(folder)
    if cluster is None:
        return None
    brokers = [Broker(address, folder / f"broker-{address.node_id}") for address in cluster.brokers]
    alive = [broker for broker in brokers if broker.attach()]
    return ",".join(f"127.0.0.1:{broker.port}" for broker in brokers) if alive else None


async def stop_running_kafka(state_dir: Path) -> bool:
    """Stop every broker of this state folder, whoever started it; False when none ran."""
    folder = state_dir / "kafka"
    cluster = _Cluster.read(folder)
    brokers = [
        Broker(address, folder / f"broker-{address.node_id}") for address in (cluster.brokers if cluster else [])
    ]
    alive = [broker for broker in brokers if broker.attach()]
    await asyncio.gather(*(broker.stop() for broker in alive))
    return bool(alive)


def _with_free_ports(cluster: _Cluster | None, count: int) -> _Cluster:
    """The ports of the last run when all are still free (clients that wait find the broker again), else new ones."""
    if cluster and all(is_free(one.port) and is_free(one.controller_port) for one in cluster.brokers):
        return cluster
    ports = free_ports(2 * count)
    addresses = [BrokerAddress(node, ports[node - 1], ports[count + node - 1]) for node in range(1, count + 1)]
    return _Cluster(cluster.cluster_id if cluster else _new_cluster_id(), addresses)


def _new_cluster_id() -> str:
    """22 characters of URL-safe base64 over 16 random bytes, as Kafka's own `random-uuid` makes them."""
    while (encoded := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # a leading dash would be taken for an option by Kafka's command line
    return encoded
