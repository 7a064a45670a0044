"""Doing runs: each is a job of the queue. It waits where it must, and stops where it is asked to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.errors import ReadModelBehind
from libs.db.errors import DatabaseAway, NotMigrated, lacks_a_table
from libs.http.errors import ApiError, Blocked, Later, Unauthorized, Unavailable
from libs.jobs import Handler, Job, RetryJob
from libs.oauth.tokens import TokensAway
from libs.projection.live_build import OtherVersion
from libs.telemetry.log import get_logger
from services.market_data.run import Kind, Run, Status
from services.market_data.runs import Runs

log = get_logger()

AGAIN_SECONDS = 5.0
MOST_FAILURES = 8
"""Some ten minutes, where no other pause is asked for."""
LOOK_SECONDS = 1.0
_PASSING = (DatabaseAway, NotMigrated, NotPublished, KafkaAway, ReadModelBehind, OtherVersion)

T = TypeVar("T")


class Stopped(Exception):
    """The run was asked to stop."""


class Turn:
    """A run in the hands of this process."""

    def __init__(self, run: Run, runs: Runs) -> None:
        self.run = run
        self.runs = runs

    async def check(self) -> None:
        """Raise Stopped if somebody wants that."""
        if await self.runs.stop_requested(self.run.run_id):
            raise Stopped

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What is asked of others, again and again while they say `later`. Raises Stopped, and other ApiErrors.

        Limits end, an outage mostly too; one resource may fail for ever. After MOST_FAILURES answers of 5xx, or none in
        time, Unavailable is raised. An open circuit does not count: nobody was asked.
        """
        failures = 0
        while True:
            try:
                return await ask()
            except Later as error:
                if isinstance(error, Unavailable) and not isinstance(error, TokensAway):
                    failures += 1
                    if failures >= MOST_FAILURES:
                        raise
                asked = error.retry_after
                again = AGAIN_SECONDS * 2 ** max(0, failures - 1)
                await self.pause(again if asked is None else asked.total_seconds(), str(error))

    async def pause(self, seconds: float, why: str) -> None:
        """Wait, told to everybody; raises Stopped."""
        await self.runs.wait_for(self.run.run_id, why[:500])
        end = asyncio.get_running_loop().time() + max(0.1, seconds)
        while (left := end - asyncio.get_running_loop().time()) > 0:
            await self.check()
            await asyncio.sleep(min(left, LOOK_SECONDS))
        await self.runs.wait_for(self.run.run_id, None)


Task = Callable[[Turn], Awaitable[Status]]
"""Does a run, or what is left of it, to its end."""


def handlers(runs: Runs, tasks: Mapping[Kind, Task]) -> Mapping[str, Handler]:
    """The job handlers of some kinds of runs."""
    return {str(kind): _handler(runs, task) for kind, task in tasks.items()}


def _handler(runs: Runs, task: Task) -> Handler:
    async def handle(job: Job) -> None:
        run_id = str(job.payload["run_id"])
        try:
            run = await runs.begin(run_id)
            if run is None:
                return
            status, why = await _done(task, Turn(run, runs))
            await runs.end(run_id, status, why)
        except _PASSING as error:
            raise RetryJob({"code": type(error).__name__, "msg": str(error)}, AGAIN_SECONDS) from error
        log.info("run ended", run_id=run_id, status=status.value, error=why)

    return handle


async def _done(task: Task, turn: Turn) -> tuple[Status, str | None]:
    try:
        await turn.check()
        return await task(turn), None
    except Stopped:
        return Status.STOPPED, None
    except (Unauthorized, Blocked) as error:
        return Status.FAILED, f"{error}. A person must look at the credentials; then let the run go on."
    except ApiError as error:
        return Status.FAILED, str(error)
    except _PASSING:
        raise
    except Exception as error:
        if lacks_a_table(error):
            raise NotMigrated(f"{error}: the projector has not made it yet") from error
        log.exception("a defect ended a run", run_id=turn.run.run_id)
        return Status.FAILED, f"A defect of ours ({type(error).__name__}); our log tells more. It may be let go on."
