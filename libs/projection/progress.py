"""How a long operation tells where it is; who shows it (a bar, lines, nobody) is somebody else's matter."""

from typing import Protocol


class Progress(Protocol):
    """Told by a rebuild: the step it is in, how many records that step has to read, and how many more it has read."""

    def step(self, text: str, records: int = 0) -> None: ...

    def advance(self, records: int) -> None: ...


class Silent:
    """Shows nothing."""

    def step(self, text: str, records: int = 0) -> None: ...

    def advance(self, records: int) -> None: ...
