"""Payloads and errors as JSON that PostgreSQL takes: its jsonb knows no NUL character, and no half surrogate pair."""

import re

import msgspec

from libs.jobs.job import JobError, NewJob


class Unstorable(ValueError):
    """A payload that PostgreSQL cannot keep."""


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def payload_text(job: NewJob) -> str:
    """A payload as it is stored. Raises Unstorable for one that cannot be: who gives it in must hear of it."""
    try:
        return _text(job.payload)
    except (TypeError, ValueError) as error:
        raise Unstorable(f"the payload of a {job.job_type!r} job cannot be stored as JSON: {error}") from error


def error_text(error: JobError) -> str:
    """An error as it is stored. What cannot be is written as Python shows it: a job must be able to fail."""
    try:
        return _text(error)
    except (TypeError, ValueError):
        return _text({"code": "Unwritable", "msg": ascii(dict(error))})


def _text(value: object) -> str:
    encoded = _encode(value)
    if _NUL.search(encoded):
        raise ValueError("it holds a NUL character")
    return encoded.decode()
