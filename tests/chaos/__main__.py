"""`make chaos`: python -m tests.chaos [--seeds N | --seed A,B,…] [--first N]."""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

from libs.stack import state_folder
from tests.chaos.campaign import Campaign
from tests.chaos.plan import plan


def main() -> int:
    """Exit status: 0 all passed, 1 something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many (from --first on)")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", help="exactly these, comma separated, on one system as far as they fit")
    parser.add_argument("--show", action="store_true", help="print the plans and do nothing")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all systems, with their logs")
    arguments = parser.parse_args()
    seeds = (
        [int(text) for text in arguments.seed.split(",")]
        if arguments.seed
        else list(range(arguments.first, arguments.first + arguments.seeds))
    )
    if arguments.show:
        print("\n".join(str(plan(seed)) for seed in seeds))
        return 0
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the checker's own clients live through it all
    parent = state_folder(os.environ) / "chaos"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    campaign = Campaign(folder, lambda line: print(line, flush=True), keep=arguments.keep)
    report = asyncio.run(campaign.run(seeds))
    print(report)
    if report.failed or arguments.keep:
        print(f"The systems' folders, with all logs: {folder}")
    else:
        folder.rmdir()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
