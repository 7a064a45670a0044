"""Kafka and PostgreSQL of a chaos run, each behind a link whose network can be troubled."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from libs.stack import Broker, EmbeddedKafka, EmbeddedPostgres
from libs.stack.postgres_binaries import postgres_home
from tests.chaos.plan import Setting
from tests.chaos.proxy import Link

SMALL_DISK_MEGABYTES = 256
SPOOL_DISK_MEGABYTES = 8


class CannotMount(RuntimeError):
    """This machine does not let us mount a small file system; the text says why."""


@dataclass
class Stack:
    """Running servers. The addresses are those of the links: what services are given."""

    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres
    links: dict[str, Link]
    disk: Path | None
    spool_disk: Path | None

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{self.links[broker.name].port}" for broker in self.kafka.brokers)

    @property
    def database_url(self) -> str:
        return self._url(self.links["postgres"].port)

    @property
    def direct_database_url(self) -> str:
        return self.postgres.database_url

    def _url(self, port: int) -> str:
        url = urlsplit(self.postgres.database_url)
        return url._replace(netloc=f"{url.netloc.rpartition(':')[0]}:{port}").geturl()

    def broker(self, name: str) -> Broker:
        return next(broker for broker in self.kafka.brokers if broker.name == name)


@asynccontextmanager
async def running_stack(folder: Path, setting: Setting, owner: Callable[[int], str | None]) -> AsyncIterator[Stack]:
    """Fresh servers in `folder`; stopped at the end. Raises CannotMount where a small disk is needed and impossible."""
    nodes = (1, 2, 3) if setting == "cluster" else (1,)
    links = {f"kafka-{node}": Link(f"kafka-{node}", owner) for node in nodes}
    links["postgres"] = Link("postgres", owner)
    for link in links.values():
        await link.open()
    disk = folder / "kafka" / "broker-1" / "data" if setting == "full disk" else None
    spool_disk = folder / "state" / "webhook_gateway" if setting == "full disk" else None
    kafka = EmbeddedKafka(
        folder, brokers=len(nodes), advertised_ports={node: links[f"kafka-{node}"].port for node in nodes}
    )
    postgres = EmbeddedPostgres(folder)
    mounted: list[Path] = []
    try:
        for small, megabytes in ((disk, SMALL_DISK_MEGABYTES), (spool_disk, SPOOL_DISK_MEGABYTES)):
            if small is not None:
                _mount(small, megabytes)
                mounted.append(small)
        starting = asyncio.gather(kafka.start(), postgres.start())
        await _aim(starting, kafka, links)
        await starting
        links["postgres"].target = postgres.port
        yield Stack(kafka, postgres, links, disk, spool_disk)
    finally:
        await asyncio.gather(kafka.stop(), postgres.stop())
        for link in links.values():
            await link.close()
        _remove_data_outside(folder)
        for small in mounted:
            _run("umount", str(small))


async def _aim(starting: "asyncio.Future[tuple[str, str]]", kafka: EmbeddedKafka, links: dict[str, Link]) -> None:
    """Point the links at the brokers as soon as their ports are known: brokers reach one another through them."""
    while not kafka.brokers and not starting.done():
        await asyncio.sleep(0.05)
    for broker in kafka.brokers:
        links[broker.name].target = broker.port


def _remove_data_outside(folder: Path) -> None:
    """As root, PostgreSQL's data lies in /var/tmp where its user may not enter `folder`: nothing shall stay there."""
    data = postgres_home(folder).data_root
    if not data.is_relative_to(folder):
        shutil.rmtree(data, ignore_errors=True)


def _mount(disk: Path, megabytes: int) -> None:
    disk.mkdir(parents=True)
    if os.geteuid() != 0:
        raise CannotMount("a small file system can only be mounted by root")
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "sellstream-chaos", str(disk))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotMount(f"there is no program {command[0]}") from None
    except subprocess.CalledProcessError as error:
        raise CannotMount(f"{' '.join(command)}: {error.stderr.strip()}") from error
