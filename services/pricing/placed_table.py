"""A Faust table whose keys say which partition they belong to.

Faust takes a key's partition from the event that is handled just now; with batches there is no such event, and what
every partition knows (cost rules) stands under the same number in each of them.
"""

import asyncio
from typing import Any

import faust


class PlacedTable(faust.Table[str, bytes]):
    """Keys are `<partition>/<id>`, values are bytes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unsent: list[Any] = []

    def partition_for_key(self, key: str) -> int:
        return int(key.partition("/")[0])

    def send_changelog(self, *arguments: Any, **options: Any) -> Any:
        sent = super().send_changelog(*arguments, **options)
        self._unsent.append(sent)
        return sent

    async def durable(self) -> None:
        """Wait until Kafka has acknowledged every change so far; raises what it raises."""
        unsent, self._unsent = self._unsent, []
        await asyncio.gather(*unsent)
