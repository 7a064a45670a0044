"""The fates of a record: what a handler can raise, and what the consumer then does.

| raised    | meaning                               | the consumer                                         |
|-----------|---------------------------------------|------------------------------------------------------|
| (nothing) | handled                               | publishes the returned facts, goes on                |
| Ignore    | nothing to do, and why                | logs it, goes on                                     |
| Retry     | this record failed, it may work later | tries again later, then dead-letters its error class |
| Wait      | the dependency as a whole is away     | waits; counts no attempt, dead-letters nothing       |
| Reject    | this record can never be handled      | dead-letters it at once                              |
| (other)   | a defect of ours                      | tries again later, then dead-letters `poison`        |
"""

from datetime import timedelta
from enum import StrEnum


class ErrorClass(StrEnum):
    """Why a record is in the dead letters."""

    POISON = "poison"  # it cannot be read, or it breaks the handler
    DEPENDENCY = "dependency"  # something that it needs failed too often
    POLICY = "policy"  # it is readable, but must not be handled (not ours, blocked)
    CONTRACT = "contract"  # its sender broke the agreed form (unknown type, newer version)


class Ignore(Exception):
    """There is nothing to do for this record, and the text says why."""


class Retry(Exception):
    """Handling failed in a way that may pass; `after` is how long the dependency asked to wait, if it said.

    `error_class` is what the record is dead-lettered as when its attempts are spent.
    """

    def __init__(
        self, reason: str, after: timedelta | None = None, error_class: ErrorClass = ErrorClass.DEPENDENCY
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.error_class = error_class


class Wait(Exception):
    """A dependency is away for everyone; come back `after`."""

    def __init__(self, reason: str, after: timedelta) -> None:
        super().__init__(reason)
        self.after = after


class Reject(Exception):
    """This record can never be handled."""

    def __init__(self, reason: str, error_class: ErrorClass) -> None:
        super().__init__(reason)
        self.error_class = error_class
