"""What the supervisor process tells the other commands: one file in the state folder, replaced at each change."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from libs.stack.folders import read_kept, write_private
from libs.stack.process import ProcessId
from libs.stack.supervisor import ProcessReport

Phase = Literal["starting", "running", "degraded", "stopping", "failed"]


@dataclass(frozen=True)
class DaemonState:
    """The supervisor's own identity, how far it has come, and its processes. Holds no password.

    `degraded`: everything is started, but a process keeps crashing (`problem` says which). `failed`: it has given up.
    """

    identity: ProcessId
    phase: Phase = "starting"
    steps: tuple[str, ...] = ()
    problem: str | None = None
    kind: str | None = None
    kafka_bootstrap_servers: str | None = None
    ports: dict[str, int] = field(default_factory=dict)
    processes: tuple[ProcessReport, ...] = ()

    def is_alive(self) -> bool:
        return self.identity.is_alive()

    def with_changes(self, **changes: Any) -> "DaemonState":
        """A copy with these fields replaced."""
        return replace(self, **changes)


def state_file(state_dir: Path) -> Path:
    return state_dir / "supervisor.json"


def write_state(state_dir: Path, state: DaemonState) -> None:
    write_private(state_file(state_dir), json.dumps(asdict(state), indent=1))


def read_state(state_dir: Path) -> DaemonState | None:
    """The last state written, or None when nothing was ever started here. The writer may have ended since."""
    text = read_kept(state_file(state_dir))
    if text is None:
        return None
    kept = json.loads(text)
    return DaemonState(
        **kept
        | {
            "identity": ProcessId(**kept["identity"]),
            "steps": tuple(kept["steps"]),
            "processes": tuple(ProcessReport(**process) for process in kept["processes"]),
        }
    )
