"""If nearly everything fails, the fault is ours or the world's, not the records': stop filling the dead letters."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_HALTED

log = get_logger()

WINDOW = 50
AT_LEAST = 20
SHARE = 0.9
PROBE_SECONDS = 15.0


class Halted(RuntimeError):
    """A consumer does not dead-letter any more because nearly everything fails; it tries again now and then."""


class Halt:
    """Watches the last fates of one consumer; while halted, a failed record waits and is tried again.

    Any success ends the halt.
    """

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer
        self._failures: deque[bool] = deque(maxlen=WINDOW)
        self._over = asyncio.Event()
        self._over.set()
        self._one_by_one = asyncio.Lock()
        BUS_HALTED.labels(consumer).set(0)

    @property
    def halted(self) -> bool:
        return not self._over.is_set()

    def note(self, *, failed: bool) -> None:
        """A record's fate: dead-lettered, or not."""
        self._failures.append(failed)
        if not failed and self.halted:
            self._failures.clear()
            self._over.set()
            BUS_HALTED.labels(self._consumer).set(0)
            log.info("the consumer goes on: a record was handled", consumer=self._consumer)
        elif failed and not self.halted and self._nearly_everything():
            self._over.clear()
            BUS_HALTED.labels(self._consumer).set(1)
            log.error(
                "nearly everything fails: nothing more goes to the dead letters. "
                "Look at the last dead letters (sellstream dlq list), mend the cause; failed records are tried again.",
                consumer=self._consumer,
                failed=sum(self._failures),
                of=len(self._failures),
            )

    def check(self) -> None:
        """Raise Halted while halted: for readiness."""
        if self.halted:
            raise Halted(
                f"the consumer {self._consumer} is halted: nearly everything fails, and nothing more goes to the dead "
                f"letters. `sellstream dlq list` shows the last ones. Mend the cause; where what fails can not even be "
                "read, start the service again then."
            )

    async def until_allowed(self) -> None:
        """Wait until a record may go to the dead letters."""
        await self._over.wait()

    @asynccontextmanager
    async def failing(self) -> AsyncIterator[None]:
        """Around the dead-lettering of one record: waits until it is allowed, then notes the failure.

        One by one: of many that wait, those behind the failure that halts the consumer again go on waiting.
        """
        async with self._one_by_one:
            await self.until_allowed()
            yield
            self.note(failed=True)

    async def probe_pause(self) -> None:
        """While halted: wait until another record succeeds, or until it is time to try again."""
        try:
            await asyncio.wait_for(self._over.wait(), PROBE_SECONDS)
        except TimeoutError:
            return

    def _nearly_everything(self) -> bool:
        return len(self._failures) >= AT_LEAST and sum(self._failures) >= SHARE * len(self._failures)
