"""Whether a listing's state proves that a command was carried out. No I/O."""

from collections.abc import Sequence
from datetime import timedelta

from libs.marketplaces.stockx.batch import BatchKind
from libs.marketplaces.stockx.listing import Listing
from services.stockx_poller.command import Command

_SAME_MOMENT = timedelta(seconds=1)


def shows(listing: Listing, command: Command) -> bool:
    """Whether a state proves that a command was carried out: it is as wanted, and younger than the one before."""
    wants = command.wants
    if command.before is None or listing.updated_at <= command.before:
        return False
    if command.expects not in (None, listing.status):
        return False
    if wants.amount is not None and wants.amount != listing.amount:
        return False
    if wants.currency_code is not None and wants.currency_code != listing.currency_code:
        return False
    if wants.expires_at is None:
        return True
    told = listing.ask.ask_expires_at if listing.ask else None
    return told is not None and abs(told - wants.expires_at) < _SAME_MOMENT


def can_show(kind: BatchKind, commands: Sequence[Command]) -> bool:
    """Whether the states of its listings can tell that a batch has ended; `before` is told for each."""
    return kind is BatchKind.UPDATE and all(each.before is not None for each in commands)
