"""A run: a synchronisation, an import or a report, made of items; and what can be said of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a run does."""

    MARKET_DATA = "market_data"
    NOTION_SALES = "notion_sales"
    NOTION_PAGE = "notion_page"
    INVENTORY_IMPORT = "inventory_import"
    DEAD_STOCK = "dead_stock"


class Status(StrEnum):
    """Where a run stands. `refused` is an import of which nothing was taken in; `stopped` and `failed` may go on."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETED = "completed"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        return self in {Status.QUEUED, Status.RUNNING}


class Fate(StrEnum):
    """Where an item stands. `checked`: nothing stands against it, and it has not been published yet."""

    WAITING = "waiting"
    CHECKED = "checked"
    DONE = "done"
    NOT_ON_STOCKX = "not_on_stockx"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """`number` from 1; `told` is what it is about (JSON), `detail` what came of it."""

    number: int
    item: str
    told: Mapping[str, Any] | None = None
    fate: Fate = Fate.WAITING
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """`user_id` None: everybody's. `total` None: not known yet. `waits`: for what it waits just now."""

    run_id: str
    kind: Kind
    status: Status
    user_id: str | None
    requested_by: str
    total: int | None
    waits: str | None
    error: str | None
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    stop_requested_at: datetime | None
    counts: Mapping[Fate, int] = field(default_factory=dict)


def new_run_id(kind: Kind, now: datetime) -> str:
    """`market_data_20261121_030000_1a2b3c`"""
    return f"{kind}_{now:%Y%m%d_%H%M%S}_{secrets.token_hex(3)}"
