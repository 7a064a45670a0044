"""`sellstream jobs status | list | show | retry | cancel | purge`: the job queues, as people see and mend them.

Exit status: 0 done (also when there was nothing to do), 1 not done, 2 wrong use.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, NoReturn, TypeVar

import typer

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.jobs import Status, operate
from libs.jobs.operate import Chosen
from libs.stack import StackError
from services.ops.connection import database_url
from services.ops.jobs_text import list_lines, show_lines, standing_lines

T = TypeVar("T")

MOST_SHOWN = 50

Ids = Annotated[list[int] | None, typer.Argument(help="Jobs' ids; none: all that the options choose.")]
OfQueue = Annotated[str | None, typer.Option("--queue", help="Only those of one queue.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only those of one type.")]
OfStatus = Annotated[Status | None, typer.Option("--status", help="Only those in one status.")]
Matching = Annotated[str | None, typer.Option(help="Only those whose last error contains this text.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output, one JSON object a line.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Job queues: what waits, what is being done, what failed.", no_args_is_help=True)
    group.command("status")(status)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("retry")(retry)
    group.command("cancel")(cancel)
    group.command("purge")(purge)
    app.add_typer(group, name="jobs")


def status(as_json: Json = False) -> None:
    """Show how many jobs of each queue and type stand where, and how long the oldest has waited."""
    found = _run(operate.standings)
    if as_json:
        for one in found:
            waited = None if one.waited is None else one.waited.total_seconds()
            print(json.dumps(asdict(one) | {"waited": waited}))
    else:
        print("\n".join(standing_lines(found)) if found else "No jobs.")


def list_(
    queue: OfQueue = None,
    job_type: OfType = None,
    with_status: OfStatus = None,
    matching: Matching = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = MOST_SHOWN,
    as_json: Json = False,
) -> None:
    """Show jobs, those that were touched last first."""
    chosen = Chosen(None, queue, job_type, with_status, matching)
    found = _run(lambda database: operate.jobs(database, chosen, limit))
    if as_json:
        for one in found:
            print(json.dumps(asdict(one), default=str))
    else:
        print("\n".join(list_lines(found)) if found else "No such jobs.")


def show(job_id: Annotated[int, typer.Argument(show_default=False)], as_json: Json = False) -> None:
    """Show one job: where it stands, its payload, and its last error."""
    found = _run(lambda database: operate.jobs(database, Chosen([job_id]), 1))
    if not found:
        _fail(f"Job {job_id} does not exist. `sellstream jobs list` shows which do.")
    print(json.dumps(asdict(found[0]), default=str) if as_json else "\n".join(show_lines(found[0])))


def retry(
    ids: Ids = None,
    queue: OfQueue = None,
    job_type: OfType = None,
    with_status: OfStatus = None,
    matching: Matching = None,
    yes: Yes = False,
) -> None:
    """Let failed and cancelled jobs begin anew with all their attempts, and jobs that wait for a retry at once.

    A job whose dedupe key an unfinished job has is left alone: that one does the same.
    """
    chosen = _chosen(ids, queue, job_type, with_status, matching)
    _sure(chosen, "retry", yes)
    _told("retried", _run(lambda database: operate.retry(database, chosen)), chosen)


def cancel(
    why: Annotated[str, typer.Option("--why", help="The reason; it becomes the job's last error.", show_default=False)],
    ids: Ids = None,
    queue: OfQueue = None,
    job_type: OfType = None,
    with_status: OfStatus = None,
    matching: Matching = None,
    yes: Yes = False,
) -> None:
    """End unfinished jobs. A worker that is doing one breaks it off within a third of LOCK_SECONDS."""
    chosen = _chosen(ids, queue, job_type, with_status, matching)
    _sure(chosen, "cancel", yes)
    _told("cancelled", _run(lambda database: operate.cancel(database, chosen, why)), chosen)


def purge(
    days: Annotated[float, typer.Option("--older-than-days", min=0, help="Only jobs that ended longer ago.")] = 30,
    queue: OfQueue = None,
    job_type: OfType = None,
    with_status: OfStatus = None,
    matching: Matching = None,
    yes: Yes = False,
) -> None:
    """Delete jobs that have ended, of all queues unless the options choose. What is unfinished always stays."""
    if not yes:
        typer.confirm(f"Delete all chosen jobs that ended more than {days:g} days ago?", abort=True)
    chosen = Chosen(None, queue, job_type, with_status, matching)
    print(f"purged  {_run(lambda database: operate.purge(database, chosen, timedelta(days=days)))} jobs")


def _chosen(
    ids: list[int] | None, queue: str | None, job_type: str | None, status: Status | None, matching: str | None
) -> Chosen:
    if not ids and queue is None and job_type is None and status is None and matching is None:
        raise typer.BadParameter("name jobs by their ids, or choose them by --queue, --type, --status or --matching")
    return Chosen(ids or None, queue, job_type, status, matching)


def _sure(chosen: Chosen, verb: str, yes: bool) -> None:
    if chosen.ids is None and not yes:
        typer.confirm(f"{verb.capitalize()} all jobs that the options choose?", abort=True)


def _told(done: str, ids: list[int], chosen: Chosen) -> None:
    for job_id in ids:
        print(f"{done}  {job_id}")
    missed = sorted(set(chosen.ids or ()) - set(ids))
    if missed:
        told = ", ".join(map(str, missed))
        _fail(f"Not {done}: {told}. `sellstream jobs show` tells where a job stands.")
    if not ids:
        print(f"Nothing was {done}.")


def _run(work: Callable[[Database], Awaitable[T]]) -> T:
    async def inner(url: str) -> T:
        async with Database(url, application="sellstream jobs", most=1) as database:
            return await work(database)

    try:
        return asyncio.run(inner(database_url()))
    except (StackError, DatabaseAway, NotMigrated) as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)
