"""The identical-work check: what was answered 2xx is in the topic, exactly once, byte for byte."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.gateway.deliveries import digest


@dataclass(frozen=True)
class Verdict:
    """How a topic compares with what was acknowledged; counts of deliveries."""

    acknowledged: int
    missing: int
    repeated: int
    foreign: int

    @property
    def problem(self) -> str | None:
        if not (self.missing or self.repeated or self.foreign):
            return None
        return (
            f"of {self.acknowledged} deliveries that were answered 2xx, {self.missing} are not in the topic; "
            f"{self.repeated} stand there more than once, {self.foreign} records are none that was sent"
        )


def compare(bodies: Iterable[bytes], acknowledged: set[int], digests: Sequence[bytes]) -> Verdict:
    """Compare the topic's record values with the numbers of the acknowledged deliveries.

    A delivery that was not acknowledged may be in the topic once: its answer may have been lost.
    """
    number = {known: index for index, known in enumerate(digests)}
    seen: Counter[int | None] = Counter(number.get(digest(content)) for content in bodies)
    foreign = seen.pop(None, 0)
    return Verdict(
        acknowledged=len(acknowledged),
        missing=sum(index not in seen for index in acknowledged),
        repeated=sum(times > 1 for times in seen.values()),
        foreign=foreign,
    )
