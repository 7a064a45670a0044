"""The seeded world: the marketplaces in which things happen, one change at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from libs.http.server import Problem
from services.sandbox.channel import Channel
from services.sandbox.faults import FaultAnswers
from services.sandbox.notice import Notice
from services.sandbox.seeded import stream

Truth = Mapping[str, Callable[[], Iterable[Mapping[str, Any]]]]
"""Collections by name: each resource as it is now, in the form in which the marketplace's API shows it."""


class Marketplace(ABC):
    """One stand-in marketplace. The same seed and the same calls give the same notices, byte for byte."""

    name: str
    share: int
    """How often something happens here, compared with the other marketplaces."""
    fault_answers: FaultAnswers
    channel: Channel | None
    """Where its notifications go; None: they are not sent."""

    @abstractmethod
    def application(self) -> web.Application:
        """Its HTTP API, to be served under `/<name>`."""

    @abstractmethod
    def step(self) -> Sequence[Notice]:
        """Make the next change and return what is notified about it."""

    @abstractmethod
    def poison(self, kind: str) -> Notice:
        """A notification that something is wrong with; `kind` is one of `poisons`."""

    @property
    @abstractmethod
    def poisons(self) -> Sequence[str]: ...

    @abstractmethod
    def truth(self) -> Truth: ...

    @abstractmethod
    def accounts(self) -> Mapping[str, Any]:
        """What a client must be configured with: identifiers and made-up secrets."""


class World:
    """All marketplaces under one seed."""

    def __init__(self, seed: int, marketplaces: Iterable[Marketplace]) -> None:
        self.seed = seed
        self.marketplaces = {marketplace.name: marketplace for marketplace in marketplaces}
        self._random = stream(seed, "world")

    def named(self, marketplace: str) -> str:
        """The name, if it is one; raise Problem 400."""
        if marketplace not in self.marketplaces:
            known = ", ".join(self.marketplaces)
            raise Problem(400, f"There is no marketplace {marketplace[:40]!r}. There are: {known}.")
        return marketplace

    def step(self, among: Sequence[str]) -> tuple[str, Sequence[Notice]]:
        """Make the next change in one of the marketplaces named; return its name and its notices."""
        if len(among) == 1:
            return among[0], self.marketplaces[among[0]].step()
        shares = [self.marketplaces[name].share for name in among]
        name = self._random.choices(among, weights=shares)[0]
        return name, self.marketplaces[name].step()

    def poison(self, name: str, kind: str | None = None) -> Notice:
        """A notification of the marketplace that something is wrong with; kind None: drawn."""
        marketplace = self.marketplaces[name]
        return marketplace.poison(kind or self._random.choice(marketplace.poisons))
