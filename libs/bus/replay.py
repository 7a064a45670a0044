"""Replays: records that are delivered again, to make something of them anew, and never outside of the system.

A rebuild or a replay must spend no marketplace's quota, send no e-mail and publish no price. So every record that is
replayed says so, in the CloudEvents extension `replayid`, whose value names the replay; whatever is published because
of it says so as well.

| what                  | comes by                         | marks                              | effects outside      |
|-----------------------|----------------------------------|------------------------------------|----------------------|
| a dead letter's retry | `sellstream dlq retry`           | `x-redrive-to`, `x-replay-count`   | yes: not handled yet |
| a replay              | `sellstream topics replay`       | `x-redrive-to`, `x-replayed-from`, | none                 |
|                       |                                  | `ce_replayid`                      |                      |
| a rebuild             | `sellstream read-models rebuild` | nothing is sent                    | none                 |

A dead letter of a replayed record keeps the mark through its retry.

A read model changes by a retry, and not by a replay: its fold has read the record that is repeated, and would let a row
go back to what it was, if it read it again behind those that came after it (`is_repetition`).
"""

from collections.abc import Iterable
from typing import Literal

from schemas.envelope import Envelope, Header

EXTENSION = "replayid"
"""The CloudEvents extension attribute; a Kafka header of the name `ce_replayid`."""

HEADER = f"ce_{EXTENSION}"

FROM = "x-replayed-from"
"""Header of a replay's copy alone: partition and offset of the record that it repeats."""

RETRIES = "x-replay-count"
"""Header of a dead letter and of its retry: how often it was retried."""

Replays = Literal["refused", "handled"]
"""What a consumer does with replayed records.

`refused`: they are passed over, under this name; for who has effects outside of the system, or has said nothing.
`handled`: the handler is given them; it has no effects outside (tests/contract/test_replays.py holds services to it).
"""


def is_replay(record: Envelope | Iterable[Header]) -> bool:
    """Whether a record (its envelope, or its Kafka headers) is a replay: nothing may be done outside because of one.

    The one question to be asked by whoever does not use `libs.bus.consumer`. A mark without a value is a mark.
    """
    if isinstance(record, Envelope):
        return EXTENSION in record.extensions
    return any(name == HEADER for name, _ in record)


def is_repetition(headers: Iterable[Header]) -> bool:
    """Whether a record is a replay's copy of one that stands before it in the log; who folds the log passes it over.

    Not whatever else carries the mark of a replay: a fact that followed from one is new; and a dead letter's retry, of
    such a fact or of a copy, is what nobody has read until then.
    """
    names = {name for name, _ in headers}
    return HEADER in names and FROM in names and RETRIES not in names


def mark_of(cause: Envelope | None) -> dict[str, str]:
    """The extension attributes of an event that a message has led to: a replay's are a replay's."""
    replay = cause.extensions.get(EXTENSION) if cause is not None else None
    return {} if replay is None else {EXTENSION: replay}
