"""Running the load generator, and reading what it recorded."""

import asyncio
import json
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT
from bench.statistics import percentile

_RECORD = struct.Struct("<IHxx")
_LOADGEN = Path(__file__).resolve().parents[1] / "loadgen"


@dataclass(frozen=True)
class Plan:
    """What to send: `count` requests from the one with number `first`; `rate` per second, 0 for a closed loop."""

    first: int
    count: int
    connections: int
    rate: float = 0.0


@dataclass(frozen=True)
class Load:
    """How a plan was answered. Latencies in milliseconds, sorted; `statuses` by request, 0 for no answer."""

    elapsed_s: float
    cpu_s: float
    latencies_ms: list[float]
    statuses: list[int]

    def successes(self, first: int) -> set[int]:
        """The numbers of the deliveries that were answered with a 2xx."""
        return {first + index for index, status in enumerate(self.statuses) if 200 <= status < 300}

    def percentile_ms(self, percent: float) -> float:
        return percentile(self.latencies_ms, percent)


class BuildError(Exception):
    """`go build` failed; the text is its output."""


async def build_go(source: Path, binary: Path) -> Path:
    """Build a Go program with its pinned modules. Raises BuildError, also when there is no Go."""
    go = shutil.which("go")
    if go is None:
        raise BuildError("go is not on the PATH")
    binary.parent.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        go, "build", "-trimpath", "-o", binary, ".",
        cwd=source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise BuildError(f"go build in {source} failed: {output.decode(errors='replace').strip()[-600:]}")
    return binary


async def generator(bin_dir: Path) -> list[str]:
    """The command of the generator: built from Go when that works here, else Python's."""
    try:
        return [str(await build_go(_LOADGEN, bin_dir / "loadgen"))]
    except BuildError:
        return [sys.executable, "-m", "bench.loadgen.loadgen"]


async def run_load(command: list[str], address: str, requests: Path, plan: Plan) -> Load:
    """Send a plan to host:port and wait for the last answer. Raises RuntimeError when the generator fails."""
    records = requests.with_suffix(".records")
    process = await asyncio.create_subprocess_exec(
        *command, "-address", address, "-requests", requests, "-records", records,
        "-first", str(plan.first), "-count", str(plan.count),
        "-connections", str(plan.connections), "-rate", str(plan.rate), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"the load generator failed: {errors.decode(errors='replace').strip()[-600:]}")
    told = json.loads(output)
    content = records.read_bytes()
    records.unlink()
    pairs = list(_RECORD.iter_unpack(content))
    return Load(told["elapsed_s"], told["cpu_s"], sorted(pair[0] / 1000 for pair in pairs), [pair[1] for pair in pairs])
