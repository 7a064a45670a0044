"""Replays: records that are delivered again, to make something of them anew, and never outside of the system.

A rebuild or a replay must spend no marketplace's quota, send no e-mail and publish no price. So every record that is
replayed says so, in the CloudEvents extension `replayid`, whose value names the replay; whatever is published because
of it says so as well.

| what                  | comes by                         | marks                            | effects outside      |
|-----------------------|----------------------------------|----------------------------------|----------------------|
| a dead letter's retry | `sellstream dlq retry`           | `x-redrive-to`                   | yes: not handled yet |
| a replay              | `sellstream topics replay`       | `x-redrive-to` and `ce_replayid` | none                 |
| a rebuild             | `sellstream read-models rebuild` | nothing is sent                  | none                 |

A dead letter of a replayed record keeps the mark through its retry.
"""

from collections.abc import Iterable
from typing import Literal

from schemas.envelope import Envelope, Header

EXTENSION = "replayid"
"""The CloudEvents extension attribute; a Kafka header of the name `ce_replayid`."""

HEADER = f"ce_{EXTENSION}"

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


def mark_of(cause: Envelope | None) -> dict[str, str]:
    """The extension attributes of an event that a message has led to: a replay's are a replay's."""
    replay = cause.extensions.get(EXTENSION) if cause is not None else None
    return {} if replay is None else {EXTENSION: replay}
