"""Jobs as lines of text."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from libs.jobs.job import Status
from libs.jobs.operate import Standing, StoredJob

_ERROR_WIDTH = 60


def standing_lines(found: Sequence[Standing]) -> Iterator[str]:
    """One line for each queue, type and status."""
    rows = [("queue", "type", "status", "jobs", "")]
    rows += [(one.queue, one.job_type, one.status.value, f"{one.jobs:,}", _remark(one)) for one in found]
    return _table(rows, right={3})


def list_lines(found: Sequence[StoredJob]) -> Iterator[str]:
    """One line for each job."""
    rows = [("id", "queue", "type", "status", "priority", "attempts", "touched", "")]
    rows += [
        (
            *(str(one.job_id), one.queue, one.job_type, one.status.value, str(one.priority)),
            *(f"{one.attempts}/{one.max_attempts}", _time(one.updated_at), _error(one.last_error)),
        )
        for one in found
    ]
    return _table(rows, right={0, 4})


def show_lines(job: StoredJob) -> Iterator[str]:
    """A whole job."""
    yield f"job        {job.job_id} of {job.queue}: {job.job_type}, {job.status}"
    yield f"priority   {job.priority} (lower goes first)"
    yield f"attempts   {job.attempts} of {job.max_attempts} failed; {job.lost_locks} runs ended without a word"
    yield f"created    {_time(job.created_at)}, touched {_time(job.updated_at)}"
    if job.status in {Status.PENDING, Status.RETRY}:
        yield f"available  {_time(job.available_at)}"
    if job.locked_until is not None:
        yield f"locked     by {job.locked_by} until {_time(job.locked_until)}"
    if job.dedupe_key is not None:
        yield f"key        {job.dedupe_key}"
    yield f"payload    {_json(job.payload)}"
    if job.last_error is not None:
        yield f"error      {_json(job.last_error)}"


def _remark(one: Standing) -> str:
    if one.lost:
        return f"{one.lost:,} with a lock that ran out"
    if one.waited is not None:
        return f"{one.due:,} due, the oldest for {_span(one.waited)}"
    return "none due yet" if one.status in {Status.PENDING, Status.RETRY} else ""


def _error(error: Any) -> str:
    if error is None:
        return ""
    told = _json(error)
    return told if len(told) <= _ERROR_WIDTH else told[: _ERROR_WIDTH - 1] + "…"


def _json(value: Any) -> str:
    """On one line, and without what a terminal would obey."""
    told = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in told)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _table(rows: Sequence[tuple[str, ...]], right: Iterable[int]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
