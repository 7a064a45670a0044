"""Faust's Kafka consumer, corrected: after a recovery no record is skipped (decision 0019).

Faust 0.15.3 hands the fetcher's thread its live set of active partitions. When a recovery ends that set is empty for a
moment, which aiokafka takes for "all": records of all topics are taken out of the fetcher and thrown away, and only
partitions with a committed offset are sought back to it. A worker whose predecessor was killed before its first commit
never saw those records, and its own next commit went over them.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP


class UnskippedConsumer(Consumer):
    """Fetches what was asked for and nothing else, and begins every partition where its group has to go on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fetching = asyncio.Lock()

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        """A copy is asked for, which nobody changes while the thread waits for records."""
        async with self._fetching:
            return await super()._getmany(None if active_partitions is None else set(active_partitions), timeout)

    async def perform_seek(self) -> None:
        """Seek while nothing is being fetched or delivered: what was fetched before would be taken for what follows.

        Whoever calls this resumes the flow afterwards (Recovery), or has found it stopped (getmany).
        """
        self.stop_flow()
        async with self._fetching:
            await super().perform_seek()

    async def verify_all_partitions_active(self) -> None:
        """Faust only warns here of partitions that stand still, and crashes on one whose position is not known yet."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets; to the beginning where nothing was committed, as `earliest` has it."""
        committed = await super().seek_to_committed()
        fresh = [place for place, offset in committed.items() if not offset and not self._is_changelog_tp(place)]
        if fresh:
            await self._thread.seek_to_beginning(*fresh)
        return committed


class UnskippedTransport(Transport):
    """Kafka with that consumer."""

    Consumer: ClassVar[type[Consumer]] = UnskippedConsumer
