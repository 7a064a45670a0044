"""Suggested replies to customers: what suggests them is a `Suggester`, chosen by configuration (`module:function`)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Asked:
    """What a customer wrote, and what is known of the order that it is about (None: there is none)."""

    text: str
    market: str
    status: str | None = None
    tracking: str | None = None
    carrier: str | None = None


class Suggester(Protocol):
    """Suggests a reply; None: it has none to suggest, now or at all."""

    async def reply(self, asked: Asked) -> str | None: ...


OpenSuggester = Callable[[], AbstractAsyncContextManager[Suggester]]
"""Opens one for as long as a service runs: what the configuration names."""
