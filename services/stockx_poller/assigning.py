"""Which item of a batch is which command: StockX gives items names of its own. No I/O."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from libs.marketplaces.stockx.batch import BatchItem
from services.stockx_poller.command import Command
from services.stockx_poller.situation import Kind


def assigned(commands: Sequence[Command], items: Sequence[BatchItem]) -> list[tuple[Command, BatchItem]]:
    """Which item is which command: by its listing; a creation's by what was asked for, those alike in their order.

    A command whose item is known keeps it, however the items are ordered.
    """
    by_item = {each.item_id: each for each in commands if each.item_id}
    waiting: dict[object, list[Command]] = defaultdict(list)
    for command in commands:
        if command.item_id is None:
            waiting[_signature(command)].append(command)
    pairs: list[tuple[Command, BatchItem]] = []
    for item in items:
        known = by_item.get(item.item_id)
        if known is not None:
            pairs.append((known, item))
        elif alike := waiting.get(_signature_of(item)):
            pairs.append((alike.pop(0), item))
    return pairs


def _signature(command: Command) -> object:
    if command.kind is Kind.CREATE:
        return command.variant_id, command.wants.amount, command.wants.active
    return command.listing_id


def _signature_of(item: BatchItem) -> object:
    told = item.input
    if told is not None and told.variant_id is not None:
        extra: Mapping[str, object] = told.model_extra or {}
        return told.variant_id, _amount(extra.get("amount")), told.active is not False
    return item.listing_id


def _amount(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
