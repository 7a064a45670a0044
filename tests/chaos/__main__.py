"""`make chaos`: python -m tests.chaos [--seeds N | --seed A,B,…] [--from N] [--resume]."""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from libs.stack import state_folder
from tests.chaos.campaign import Campaign
from tests.chaos.lanes import Lanes
from tests.chaos.plan import plan
from tests.chaos.result import Report, append, read, sources, tally

_STOPPED = 130


def main() -> int:
    """Exit status: 0 all passed, 1 something failed, 130 stopped."""
    arguments = _arguments()
    seeds = (
        [int(text) for text in arguments.seed.split(",")]
        if arguments.seed
        else list(range(arguments.first, arguments.first + arguments.seeds))
    )
    if arguments.show:
        print("\n".join(str(plan(seed)) for seed in seeds))
        return 0
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the checker's own clients live through it all
    if arguments.lane:
        return _lane(arguments.lane, seeds, keep=arguments.keep)
    return _many(seeds, arguments.lanes, keep=arguments.keep, resume=arguments.resume)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many (from --from on)")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", help="exactly these, comma separated, on one system as far as they fit")
    parser.add_argument("--resume", action="store_true", help="leave out what has passed with these very sources")
    parser.add_argument("--lanes", type=int, default=min(6, (os.cpu_count() or 1) + 1), help="systems at one time")
    parser.add_argument("--show", action="store_true", help="print the plans and do nothing")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all systems, with their logs")
    parser.add_argument("--lane", type=Path, help=argparse.SUPPRESS)  # this program's own children
    return parser.parse_args()


def _lane(folder: Path, seeds: list[int], *, keep: bool) -> int:
    """Some seeds in this process; their story on standard output, their results in the folder."""
    campaign = Campaign(
        folder, lambda line: print(line, flush=True), tell=lambda one: append(folder / "results.jsonl", one), keep=keep
    )
    try:
        report = asyncio.run(_stoppable(campaign.run(seeds)))
    except asyncio.CancelledError:
        return _STOPPED
    return 1 if report.failed else 0


def _many(seeds: list[int], lanes: int, *, keep: bool, resume: bool) -> int:
    parent = state_folder(os.environ) / "chaos"
    parent.mkdir(parents=True, exist_ok=True)
    kept = parent / f"results-{sources()}.jsonl"
    before = {one.seed: one for one in read(kept) if one.outcome == "passed"} if resume else {}
    if not resume:
        kept.unlink(missing_ok=True)
    known = [before[seed] for seed in seeds if seed in before]
    todo = [seed for seed in seeds if seed not in before]
    if known:
        print(f"{len(known)} of {len(seeds)} seeds have passed already with these sources; {len(todo)} are left.")
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    running = Lanes(folder, kept, max(1, lanes), lambda line: print(line, flush=True), keep=keep)
    stopped = False
    try:
        asyncio.run(_stoppable(running.run(todo)))
    except (asyncio.CancelledError, KeyboardInterrupt):
        stopped = True
    report = Report([*known, *running.report.results], running.report.seconds)
    print(tally(one for one in report.results if one.outcome != "skipped"))
    print(report)
    if stopped:
        print(f"Stopped with {len(seeds) - len(report.results)} seeds to go. `make chaos RESUME=1` goes on with them.")
    if report.failed or keep:
        print(f"The systems' folders, with all logs: {folder}")
    else:
        shutil.rmtree(folder)  # what a stop has left of systems that had not ended
    return _STOPPED if stopped else 1 if report.failed else 0


async def _stoppable(work: Coroutine[Any, Any, Report]) -> Report:
    """Run, and be cancelled by SIGTERM as by Ctrl-C: everything that was started is stopped in order."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
