"""An independent fold of a fact topic: forty lines that anybody can check, and none of sellstream's code.

The rule: of an entity's facts, the one with the newest `updated_at` counts, of equal ones the later in the log; a fact
whose event id is the row's is no news. The history grows when the status, ours or the marketplace's, is another one. A
replay's copy says nothing.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.chaos.evidence import REDRIVE_TO, REPLAYED_FROM, RETRIES, LogRecord, State

PROJECTOR = "projector"

_AMOUNT = {"orders": "total", "payments": "amount", "shipments": "cost", "listings": "price", "invoices": "amount"}


def fold(topic: str, records: Iterable[LogRecord]) -> dict[str, State]:
    """The state of each entity after these readable facts, in whatever order they are given."""
    states: dict[str, State] = {}
    for record in sorted(records, key=lambda each: (each.partition, each.offset)):
        if record.header(REDRIVE_TO) not in (None, PROJECTOR) or is_repetition(record):
            continue
        fact = json.loads(record.value or b"", parse_float=Decimal)
        key, event_id = record.header("ce_subject"), record.header("ce_id")
        assert key is not None and event_id is not None, f"{record.place} has no subject or no id"  # noqa: PT018
        known = states.get(key)
        updated_at = datetime.fromisoformat(fact["updated_at"])
        if known is not None and (updated_at < known.updated_at or event_id == known.event_id):
            continue
        status, word = fact["status"], fact["marketplace_status"]
        history = known.history if known is not None else ()
        if not history or history[-1][:2] != (status, word):
            history = (*history, (status, word, updated_at))
        amount, currency = _money(fact, _AMOUNT.get(topic))
        states[key] = State(
            status, word, updated_at, history, amount, currency, event_id, record.partition, record.offset
        )
    return states


def is_repetition(record: LogRecord) -> bool:
    """Whether a replay has only written the record once more: what it says was read where it stood first."""
    return record.header(REPLAYED_FROM) is not None and record.header(RETRIES) is None


def _money(fact: Mapping[str, Any], name: str | None) -> tuple[Decimal | None, str | None]:
    money = fact.get(name) if name is not None else None
    return (None, None) if money is None else (Decimal(money["amount"]), money["currency"])
