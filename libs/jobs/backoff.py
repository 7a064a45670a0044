"""How long a failed job waits: doubling, bounded, spread (mission, search worker, "Backoff Calculation")."""

import random
from dataclasses import dataclass

LEAST_SPREAD, MOST_SPREAD = 0.7, 1.3


@dataclass(frozen=True, slots=True)
class Backoff:
    """| failed attempts | wait (s)     | total (s), about |
    |-----------------|--------------|------------------|
    | 1               | 60  (42–78)  | 60               |
    | 2               | 120 (84–156) | 180              |
    | 3               | 240          | 420              |
    | 4               | 480          | 900              |
    | 5               | 960          | 1860             |
    | 6               | the job has failed            | |
    """

    base_seconds: float = 60.0
    most_seconds: float = 3600.0

    def seconds(self, attempts: int, spread: float | None = None) -> float:
        """The wait after the given number of failed attempts (1, 2, …). `spread`: 0.7 to 1.3, drawn where not given."""
        if attempts < 1:
            raise ValueError(f"a wait follows a failed attempt: attempts is {attempts}, and must be 1 or more")
        drawn = random.uniform(LEAST_SPREAD, MOST_SPREAD) if spread is None else spread  # noqa: S311 - no secret
        return min(self.most_seconds, self.base_seconds * 2.0 ** min(attempts - 1, 64)) * drawn
