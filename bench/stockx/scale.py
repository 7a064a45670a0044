"""StockX's limits and our pauses, in the time of a sandbox that runs faster than ours."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`speed`: the sandbox's clock against ours.

    The sandbox enforces the real limits in its own time. Ours are scaled alike, but somewhat slower: by how much
    requests take longer on their way than those before them, that is `speed` times as long there. `lease_seconds` and
    `gather_seconds` are ours.
    """

    speed: float = 30.0
    seconds_between_requests: float = 3.0
    items_window_seconds: float = 360.0
    lease_seconds: float = 8.0
    gather_seconds: float = 1.0

    def ours(self, seconds: float) -> float:
        """So many of the sandbox's seconds, in ours."""
        return seconds / self.speed

    def settings(self) -> dict[str, str]:
        """Settings of stockx_poller, without their prefix. Rounds that have nothing to do with commands are rare."""
        limits = {
            "seconds_between_requests": self.ours(self.seconds_between_requests),
            "requests_a_day": 1_000_000,
            "items": 500,
            "items_window_seconds": self.ours(self.items_window_seconds),
            "items_a_day": 1_000_000,
        }
        seconds = {"first_poll": 3, "longest_poll": 900, "batch": 90, "settle": 60, "longest_gather": 600}
        timing = {name: self.ours(value) for name, value in seconds.items()}
        timing |= {"give_up": 3600, "gather": self.gather_seconds, "sweep": 86_400, "orders": 86_400, "history": 86_400}
        return {"limits": json.dumps(limits), "timing": json.dumps(timing), "lease": f"PT{self.lease_seconds:g}S"}
