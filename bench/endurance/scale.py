"""How long and how hard."""

from dataclasses import dataclass

WHOLE_MINUTES = 3
"""A shorter run does not fill the window: it proves that everything runs, and not that memory is flat."""


@dataclass(frozen=True)
class EnduranceScale:
    """`fill`: requests of the closed loop, which measures the highest throughput and fills the gateway's window of
    known deliveries, twice over: what grows after it is not the window. `connections`: as in the gateway's benchmark;
    with 64 the highest throughput is not half of it. `dead_seconds`: how long the broker is away.
    """

    minutes: int
    warm_up: int = 5_000
    fill: int = 2 * 262_144
    connections: int = 256
    dead_seconds: float = 10.0
    segment_seconds: float = 60.0

    @classmethod
    def lasting(cls, minutes: int) -> "EnduranceScale":
        """The run of so many minutes; see WHOLE_MINUTES."""
        return cls(minutes) if minutes >= WHOLE_MINUTES else cls(minutes, warm_up=2_000, fill=10_000)

    @property
    def dying_segment(self) -> int:
        """The number of the minute (from 0) in the middle of which a broker is killed."""
        return self.minutes // 2
