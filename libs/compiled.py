"""The modules that are compiled where a C compiler is at hand (`setup.py`, infra/decisions/0022), and whether they are.

They are ordinary typed Python, and run interpreted, too: everything holds either way, at another price.
"""

from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

_ROOT = Path(__file__).resolve().parents[1]

MODULES = (
    "libs/bus/batch_writer.py",
    "libs/bus/group_commit.py",
    "libs/bus/partitioner.py",
    "libs/bus/plain_records.py",
    "libs/bus/produce.py",
    "libs/bus/produce_wire.py",
    "libs/http/edge/exchange.py",
    "libs/http/edge/plain.py",
    "libs/http/edge/protocol.py",
    "libs/marketplaces/delivery.py",
    "libs/marketplaces/json_object.py",
    "libs/marketplaces/proof.py",
    "libs/marketplaces/square/webhook.py",
    "libs/printable.py",
    "libs/projection/folding.py",
    "libs/projection/header_layout.py",
    "libs/projection/plain_amount.py",
    "libs/projection/quick_facts.py",
    "libs/read_models/gathering.py",
    "services/webhook_gateway/answers.py",
    "services/webhook_gateway/deadlines.py",
    "services/webhook_gateway/decisions.py",
    "services/webhook_gateway/endpoint.py",
    "services/webhook_gateway/handlers.py",
    "services/webhook_gateway/intake.py",
    "services/webhook_gateway/lines.py",
    "services/webhook_gateway/places.py",
    "services/webhook_gateway/reception.py",
    "services/webhook_gateway/record.py",
    "services/webhook_gateway/records.py",
    "services/webhook_gateway/shares.py",
    "services/webhook_gateway/traces.py",
    "services/webhook_gateway/verdict.py",
    "services/webhook_gateway/window.py",
)
"""The webhook gateway's path from a request's bytes to Kafka and back, and a rebuild's loop over the log's records."""

_STAMP = _ROOT / "libs" / "compiled.sha256"
"""The sources that the modules were compiled from."""

State = Literal["compiled", "interpreted", "stale"]


def state() -> State:
    """What the next process runs. Stale: compiled from sources that have changed since, or only in part."""
    there = [bool(_built(module)) for module in MODULES]
    if not any(there):
        return "interpreted"
    stamp = _STAMP.read_text(encoding="ascii") if _STAMP.exists() else ""
    return "compiled" if all(there) and stamp == _digest() else "stale"


def stamp() -> None:
    """Keep what the modules were compiled from."""
    _STAMP.write_text(_digest(), encoding="ascii")


def remove() -> None:
    """Remove what is compiled: the modules run interpreted."""
    for module in MODULES:
        for built in _built(module):
            built.unlink()
    _STAMP.unlink(missing_ok=True)


def told() -> str:
    """The state in a sentence."""
    return {
        "compiled": "The hot paths of the webhook gateway and of rebuilds are compiled.",
        "interpreted": "The webhook gateway runs interpreted, at twice the CPU or more; rebuilds do, too.",
        "stale": "The hot paths of the webhook gateway and of rebuilds were compiled from other sources than these.",
    }[state()]


def _built(module: str) -> list[Path]:
    """Of this Python; another one's is not loaded."""
    source = _ROOT / module
    return [built for suffix in EXTENSION_SUFFIXES if (built := source.with_suffix(suffix)).exists()]


def _digest() -> str:
    return sha256(b"".join((_ROOT / module).read_bytes() for module in MODULES)).hexdigest()


if __name__ == "__main__":
    print(told())
