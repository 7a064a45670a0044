"""The runners of the gateway benchmark behind one small interface."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.gateway.deliveries import Account
from bench.gateway.load import BuildError, build_go
from bench.kafka import Topics
from bench.packages import missing, packages
from libs.bus.topics import apply_topics
from libs.compiled import state
from schemas.topics import topics

_GO_SOURCE = Path(__file__).resolve().parents[1] / "peers" / "go_franz"


@dataclass(frozen=True)
class Launch:
    """How to start a server, and the topic that its deliveries must be in."""

    command: list[str]
    environment: dict[str, str]
    topic: str


@dataclass(frozen=True)
class Place:
    """What a server is started with: Kafka, a name of its own for topics, a port, and an empty folder."""

    bootstrap_servers: str
    run: str
    port: int
    folder: Path
    account: Account = field(default_factory=Account)


class GatewayPeer(Protocol):
    """A server that takes Square's webhooks into Kafka at `account.path`; `GET /readyz` answers 200 once ready."""

    name: str
    title: str
    note: str

    async def skipped(self, bin_dir: Path) -> str | None:
        """Build what must be built; why it cannot run here, or None."""
        ...

    def version(self) -> str: ...

    async def launch(self, place: Place) -> Launch:
        """Make the topics, and say how to start."""
        ...


class Ours:
    """sellstream's gateway, as `make up` runs it, with every guarantee on."""

    name = "ours"
    title = "sellstream webhook_gateway"
    note = "verifies, deduplicates, keys by entity, writes a CloudEvents envelope"

    async def skipped(self, bin_dir: Path) -> str | None:  # noqa: ARG002 - nothing is built
        return None

    def version(self) -> str:
        return f"{packages('sellstream', 'httptools', 'uvloop', 'aiokafka')}, {state()}"

    async def launch(self, place: Place) -> Launch:
        prefix = f"{place.run}."
        await apply_topics(place.bootstrap_servers, topics().values(), prefix=prefix)
        account = {
            "marketplace": "square",
            "account": place.account.name,
            "merchant_ids": [place.account.merchant_id],
            "signature_keys": [place.account.signature_key],
            "notification_url": place.account.notification_url,
        }
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": place.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": prefix,
            "SELLSTREAM_STATE_DIR": str(place.folder),
            "WEBHOOK_GATEWAY_PORT": str(place.port),
            "WEBHOOK_GATEWAY_ACCOUNTS": json.dumps([account]),
        }
        return Launch([sys.executable, "-m", "services.webhook_gateway"], environment, f"{prefix}webhooks")


class _Peer:
    """What the peers have in common: their settings, and a topic of their own."""

    uvloop = False
    requires: tuple[str, ...] = ()

    async def launch(self, place: Place) -> Launch:
        Topics(place.bootstrap_servers).create(topic := f"{place.run}.webhooks")
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": place.bootstrap_servers,
            "PEER_TOPIC": topic,
            "PEER_PORT": str(place.port),
            "PEER_PATH": place.account.path,
            "PEER_SIGNATURE_KEY": place.account.signature_key,
            "PEER_NOTIFICATION_URL": place.account.notification_url,
            "PEER_UVLOOP": "1" if self.uvloop else "0",
        }
        return Launch(self.command(), environment, topic)

    def command(self) -> list[str]:
        raise NotImplementedError

    async def skipped(self, bin_dir: Path) -> str | None:  # noqa: ARG002 - nothing is built
        return missing(*self.requires)

    def version(self) -> str:
        return packages(*self.requires)


class FastApi(_Peer):
    """As `pip install fastapi uvicorn aiokafka` gives it: asyncio and h11."""

    name = "fastapi"
    title = "FastAPI + uvicorn + aiokafka"
    note = "send_and_wait; no deduplication, no key"
    requires = ("fastapi", "uvicorn", "h11", "aiokafka")

    def command(self) -> list[str]:
        return [sys.executable, "-m", "bench.peers.fastapi_gateway"]


class FastApiOnUvloop(FastApi):
    """As `uvicorn[standard]` gives it."""

    name = "fastapi_uvloop"
    title = "FastAPI + uvicorn + aiokafka on uvloop"
    note = "the same with httptools; in no ratio"
    uvloop = True
    requires = ("fastapi", "uvicorn", "httptools", "uvloop", "aiokafka")


class Aiohttp(_Peer):
    """On asyncio's own loop."""

    name = "aiohttp"
    title = "aiohttp + aiokafka"
    note = "send_and_wait; no deduplication, no key"
    requires = ("aiohttp", "aiokafka")

    def command(self) -> list[str]:
        return [sys.executable, "-m", "bench.peers.aiohttp_gateway"]


class AiohttpOnUvloop(Aiohttp):
    name = "aiohttp_uvloop"
    title = "aiohttp + aiokafka on uvloop"
    note = "the same; in no ratio"
    uvloop = True
    requires = ("aiohttp", "uvloop", "aiokafka")


class GoFranz(_Peer):
    name = "go_franz"
    title = "Go net/http + franz-go"
    note = "the compiled reference; no deduplication, no key"

    def __init__(self) -> None:
        self._binary = Path()

    async def skipped(self, bin_dir: Path) -> str | None:
        try:
            self._binary = await build_go(_GO_SOURCE, bin_dir / "go_franz")
        except BuildError as error:
            return str(error)
        return None

    def version(self) -> str:
        modules = (_GO_SOURCE / "go.mod").read_text(encoding="utf-8").split()
        return f"franz-go {modules[modules.index('github.com/twmb/franz-go') + 1]}"

    def command(self) -> list[str]:
        return [str(self._binary)]


class NginxLua(_Peer):
    name = "nginx_lua"
    title = "nginx + Lua"
    note = ""

    async def skipped(self, bin_dir: Path) -> str | None:  # noqa: ARG002 - nothing is built
        return (
            "Debian's lua-nginx-kafka 0.07, the only Kafka client for nginx there, cannot talk to Kafka 4: it uses "
            "protocol versions that KIP-896 removed"
        )

    def version(self) -> str:
        return ""


def gateway_peers() -> list["GatewayPeer"]:
    """In the order of the report; ours first."""
    return [Ours(), FastApi(), FastApiOnUvloop(), Aiohttp(), AiohttpOnUvloop(), GoFranz(), NginxLua()]


def environment_of(launch: Launch) -> Mapping[str, str]:
    """The whole environment of a server: this one's, and its own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WEBHOOK_", "KAFKA_"))}
    return inherited | launch.environment
