"""The rounds of the gateway benchmark: all servers up, the same deliveries to each, in turns."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.gateway.contender import Contender
from bench.gateway.deliveries import Account, write_requests
from bench.gateway.load import Load, Plan, generator, run_load
from bench.gateway.peer import GatewayPeer, Place
from bench.gateway.scale import GatewayScale
from bench.results import Round, Runner
from bench.turns import moved_on
from libs.stack.ports import free_ports


class GatewayBenchmark:
    """The same deliveries, in the same order, to every server, each with a fresh topic.

    All servers of a round are up at one time, and only one is asked: what else the machine does within half a minute
    touches all of them.
    """

    def __init__(self, bootstrap_servers: str, folder: Path, scale: GatewayScale) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._folder = folder
        self._scale = scale
        self._requests = folder / "deliveries.bin"
        self._digests: list[bytes] = []
        self._generator: list[str] = []

    async def prepare(self) -> str:
        """Sign all deliveries, build the generator; answers the generator's kind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._digests = await asyncio.to_thread(write_requests, self._requests, Account(), self._scale.deliveries)
        self._generator = await generator(self._folder / "bin")
        return "go" if len(self._generator) == 1 else "python"

    async def round(
        self, peers: Sequence[GatewayPeer], number: int, on_progress: Callable[[str], None]
    ) -> dict[str, Round]:
        """One round of all peers, by name."""
        servers = [
            Contender(peer, self._place(peer, number, port), self._load)
            for peer, port in zip(peers, free_ports(len(peers)), strict=True)
        ]
        try:
            for server in servers:
                await server.start(self._scale.warming())
            for turn in range(self._scale.turns):
                on_progress(f"turn {turn + 1} of {self._scale.turns}")
                closed, opened = self._scale.turn(turn)
                for server in moved_on(servers, turn):
                    await server.close_loop(closed)
                for server in moved_on(servers, turn):
                    await server.open_loop(opened)
        finally:
            for server in servers:
                await server.stop()
        return {server.peer.name: await server.round(self._digests) for server in servers}

    def _place(self, peer: GatewayPeer, number: int, port: int) -> Place:
        run = f"bench-gateway-{peer.name.replace('_', '-')}-{number}"
        return Place(self._bootstrap_servers, run, port, self._folder / run)

    async def _load(self, address: str, plan: Plan) -> Load:
        return await run_load(self._generator, address, self._requests, plan)


async def run_gateway(
    benchmark: GatewayBenchmark,
    peers: list[GatewayPeer],
    rounds: int,
    bin_dir: Path,
    on_progress: Callable[[str], None],
) -> dict[str, Runner]:
    """All rounds, in an order that moves on by one each round, and within it with each turn."""
    runners: dict[str, Runner] = {}
    for peer in peers:
        skipped = await peer.skipped(bin_dir)
        runners[peer.name] = Runner(peer.title, "" if skipped else peer.version(), skipped, peer.note)
        if skipped:
            on_progress(f"{peer.title}: skipped, {skipped}")
    running = [peer for peer in peers if not runners[peer.name].skipped]
    for number in range(1, rounds + 1):
        here = f"round {number} of {rounds}"
        found = await benchmark.round(
            moved_on(running, number), number, lambda told, here=here: on_progress(f"{here}: {told}")
        )
        for name, one in found.items():
            runners[name].rounds.append(one)
            told = one.problem or f"{one.figures['gateway_cpu_us_per_request']:.1f} µs CPU a request"
            on_progress(f"{here}, {runners[name].title}: {told}")
    return runners
