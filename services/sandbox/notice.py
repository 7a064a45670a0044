"""A notification that a marketplace sends, before it is known how often it must be sent."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending: its number (from 1), the planned time since the first, and why the one before failed.

    `failure` is `http_timeout`, `http_error` or `other_error` (Square's words); None in the first attempt.
    """

    number: int = 1
    after: timedelta = timedelta()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is put on the wire."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


class Notice(ABC):
    """One notification of one marketplace.

    `id` is what the receiver can recognise a repetition by (None where the marketplace sends none); `poison` names what
    is wrong with it on purpose, None if nothing is.
    """

    topic: str
    resource: str
    id: str | None
    poison: str | None

    @abstractmethod
    def request(self, attempt: Attempt) -> Request:
        """The bytes of an attempt: the same for the same attempt, whenever it is made."""


@dataclass(frozen=True, slots=True)
class Raw(Notice):
    """A notification with fixed bytes: what a broken or hostile sender posts."""

    poison: str | None
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    topic: str = ""
    resource: str = ""
    id: str | None = None

    def request(self, attempt: Attempt) -> Request:  # noqa: ARG002  (the same bytes whenever)
        return Request(self.body, self.headers)
