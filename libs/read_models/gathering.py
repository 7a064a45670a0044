"""What is known of a key after some of its facts, and how the next one changes it. Compiled (`libs/compiled.py`).

Runs for every fact of a rebuild, where the folds of `history.py` themselves run for every row.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from sys import intern
from typing import Any, final


@final
class Latest:
    """Of an entity: its newest fact's source and place, what decides over the next one, the history.

    Of all entities at the same time: hence no parts of its own but the history, and words that all of them share.
    """

    def __init__(
        self,
        source: Any,
        offset: int,
        event_id: str,
        correlation_id: str | None,
        updated_at: datetime,
        status: StrEnum,
        marketplace_status: str,
        history: list[Any],
    ) -> None:
        self.source = source
        self.offset = offset
        self.event_id = event_id
        self.correlation_id = correlation_id
        self.updated_at = updated_at
        self.status = status
        self.marketplace_status = marketplace_status
        self.history = history


@final
class Gathering:
    """`entry` makes one of the history's entries; `refuse`, where there is one, raises for a fact that has no row."""

    def __init__(
        self, entry: Callable[[str, str, datetime, str], Any], refuse: Callable[[Any], None] | None = None
    ) -> None:
        self._entry = entry
        self._refuse = refuse

    def gather(
        self, latest: Latest | None, fact: Any, offset: int, event_id: str, correlation_id: str | None, source: Any
    ) -> Latest:
        """What is known of an entity after a fact. Changes `latest`; raises what `refuse` raises."""
        updated_at: datetime = fact.updated_at
        status: StrEnum = fact.status
        if latest is not None and (updated_at < latest.updated_at or event_id == latest.event_id):
            return latest
        if self._refuse is not None:
            self._refuse(fact)
        told: str = fact.marketplace_status
        if latest is None:
            word = intern(told)
            entry = self._entry(intern(str(status)), word, updated_at, event_id)
            return Latest(source, offset, event_id, correlation_id, updated_at, status, word, [entry])
        if status != latest.status or told != latest.marketplace_status:
            latest.status = status
            latest.marketplace_status = word = intern(told)
            latest.history.append(self._entry(intern(str(status)), word, updated_at, event_id))
        latest.source, latest.offset, latest.updated_at = source, offset, updated_at
        latest.event_id, latest.correlation_id = event_id, correlation_id
        return latest


@final
class Newest:
    """Of a key without a history: its newest fact's source and place, and what decides over the next one."""

    def __init__(
        self, source: Any, offset: int, event_id: str, correlation_id: str | None, updated_at: datetime
    ) -> None:
        self.source = source
        self.offset = offset
        self.event_id = event_id
        self.correlation_id = correlation_id
        self.updated_at = updated_at


def gather_newest(
    newest: Newest | None, fact: Any, offset: int, event_id: str, correlation_id: str | None, source: Any
) -> Newest:
    """What is known of a key after a fact. Changes `newest`."""
    updated_at: datetime = fact.updated_at
    if newest is None:
        return Newest(source, offset, event_id, correlation_id, updated_at)
    if updated_at < newest.updated_at or event_id == newest.event_id:
        return newest
    newest.source, newest.offset, newest.updated_at = source, offset, updated_at
    newest.event_id, newest.correlation_id = event_id, correlation_id
    return newest
