"""The listings of all sellers, and the operations that change them: begun now, ended later by the sandbox's clock.

Nothing runs by itself: whoever looks first lets happen what is due (`settle`), in the order of its moments. An
operation waits for the one before it of its listing; whether it is possible is found out when its turn has come.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.clock import Clock
from services.sandbox.seeded import chance, stream, uuid
from services.sandbox.stockx.goods import Product, Variant
from services.sandbox.stockx.records import Ask, Listing, Operation
from services.sandbox.stockx.switches import Switches
from services.sandbox.times import zulu

AT_ONCE = timedelta(milliseconds=1)
USUAL_LIFE = timedelta(days=999)

_FAILURES = (
    "The ask amount is too far from the market.",
    "Your account cannot list this item at this time.",
    "An unexpected error occurred while processing the ask.",
)
_FROM: Mapping[str, frozenset[str]] = {
    "CREATE": frozenset({"INACTIVE"}),
    "UPDATE": frozenset({"INACTIVE", "ACTIVE"}),
    "DELETE": frozenset({"INACTIVE", "ACTIVE"}),
    "ACTIVATE": frozenset({"INACTIVE"}),
    "DEACTIVATE": frozenset({"ACTIVE"}),
}

Ended = Callable[[Listing, Operation], None]


class Book:
    """All listings by their id."""

    def __init__(self, seed: int, clock: Clock, switches: Callable[[], Switches]) -> None:
        self._clock = clock
        self._switches = switches
        self._ids = stream(seed, "stockx ids")
        self._fates = stream(seed, "stockx fates")
        self._due: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._arrivals = itertools.count()
        self.listings: dict[str, Listing] = {}

    def settle(self) -> datetime:
        """Let everything happen that is due; return the moment."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            when, _, happen = heapq.heappop(self._due)
            happen(when)
        return now

    def at(self, when: datetime, happen: Callable[[datetime], None]) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._due, (when, next(self._arrivals), happen))

    def new_id(self) -> str:
        return uuid(self._ids)

    def add(
        self,
        seller: str,
        goods: tuple[Product, Variant],
        wants: Mapping[str, Any],
        now: datetime,
        *,
        batch: tuple[str, str] | None = None,
    ) -> Listing:
        """A listing that nobody has asked StockX to do anything with yet."""
        listing = Listing(
            id=self.new_id(),
            seller=seller,
            product=goods[0],
            variant=goods[1],
            amount=wants["amount"],
            currency=wants.get("currencyCode", "USD"),
            expires=wants.get("expiresAt") or now + USUAL_LIFE,
            inventory=wants.get("inventoryType", "STANDARD"),
            created=now,
            updated=now,
            batch=batch,
        )
        self.listings[listing.id] = listing
        return listing

    def begin(
        self,
        listing: Listing,
        kind: str,
        wants: Mapping[str, Any],
        now: datetime,
        *,
        by: str = "USER",
        then: Ended = lambda _listing, _operation: None,
    ) -> Operation:
        """Begin an operation; `then` is told when it has ended. Its fate is drawn now."""
        user = by == "USER"
        ends, doomed = self._fate(now, listing, user)
        operation = Operation(
            id=self.new_id(),
            kind=kind,
            by=by,
            via="PUBLIC-API" if user else "INTERNAL-SYSTEM",
            created=now,
            updated=now,
            ends=ends,
            changes=_changes(kind, wants, listing, now),
            wants=dict(wants),
            doomed=doomed,
        )
        listing.operations.append(operation)
        if ends is not None:
            self.at(ends, lambda when: self._end(listing, operation, when, then))
        return operation

    def _fate(self, now: datetime, listing: Listing, user: bool) -> tuple[datetime | None, str | None]:
        switches = self._switches()
        span = switches.longest_operation - switches.shortest_operation
        seconds = switches.shortest_operation + span * self._fates.random() ** 4  # mostly quick, with a long tail
        endless, failing = chance(self._fates, switches.endless), chance(self._fates, switches.failing)
        why = self._fates.choice(_FAILURES)
        if user and endless:
            return None, None
        before = [each.ends for each in listing.operations if each.ends is not None]
        ends = max([now + timedelta(seconds=seconds), *(each + AT_ONCE for each in before)])
        return ends, why if user and failing else None

    def _end(self, listing: Listing, operation: Operation, when: datetime, then: Ended) -> None:
        possible = listing.status in _FROM.get(operation.kind, frozenset({listing.status}))
        if not possible:
            operation.error = f"The listing is {listing.status} and cannot be changed by {operation.kind}."
        else:
            operation.error = operation.doomed
        operation.status = "FAILED" if operation.error else "SUCCEEDED"
        operation.updated = when
        if operation.error is None:
            self._apply(listing, operation, when)
        elif operation.kind == "CREATE":
            listing.status, listing.updated = "DELETED", when  # nothing was made
        then(listing, operation)

    def _apply(self, listing: Listing, operation: Operation, when: datetime) -> None:
        wants, listing.updated = operation.wants, when
        listing.amount = wants.get("amount") or listing.amount
        listing.currency = wants.get("currencyCode") or listing.currency
        listing.expires = wants.get("expiresAt") or listing.expires
        match operation.kind:
            case "CREATE" | "ACTIVATE" if wants.get("active", True):
                listing.status = "ACTIVE"
                listing.ask = Ask(str(13_000_000_000_000_000_000 + self._ids.getrandbits(60)), when, when)
                self._later(listing, listing.ask, when)
            case "UPDATE" if listing.ask is not None:
                listing.ask.updated = when
                self._expire(listing, listing.ask)
            case "DELETE":
                listing.status, listing.ask = "DELETED", None
            case "DEACTIVATE":
                listing.status, listing.ask = "INACTIVE", None

    def _later(self, listing: Listing, ask: Ask, when: datetime) -> None:
        """What StockX will do by itself: take the ask down when it expires, and sometimes for reasons of its own."""
        self._expire(listing, ask)
        intervenes, wait = chance(self._fates, self._switches().system), self._fates.uniform(5, 600)
        if intervenes:
            self.at(when + timedelta(seconds=wait), lambda now: self._take_down(listing, ask, now))

    def _expire(self, listing: Listing, ask: Ask) -> None:
        expires = listing.expires

        def expired(now: datetime) -> None:
            if listing.expires == expires:
                self._take_down(listing, ask, now)

        self.at(expires, expired)

    def _take_down(self, listing: Listing, ask: Ask, now: datetime) -> None:
        if listing.ask is ask and listing.status == "ACTIVE":
            self.begin(listing, "DEACTIVATE", {}, now, by="SYSTEM")


def _changes(kind: str, wants: Mapping[str, Any], listing: Listing, now: datetime) -> dict[str, Any]:
    ask = {"amount": "amount", "currencyCode": "currency", "expiresAt": "expiresAt"}
    data = {
        told: zulu(wants[name]) if name == "expiresAt" else wants[name] for name, told in ask.items() if name in wants
    }
    updates: dict[str, Any] = {"updatedAt": zulu(now)}
    match kind:
        case "CREATE":
            whole = {"amount": listing.amount, "currency": listing.currency, "expiresAt": zulu(listing.expires)}
            return {
                "additions": {"active": wants.get("active", True), "askData": whole},
                "updates": updates,
                "removals": {},
            }
        case "ACTIVATE":
            return {
                "additions": {"active": True},
                "updates": updates | ({"askData": data} if data else {}),
                "removals": {},
            }
        case "DEACTIVATE" | "DELETE":
            return {"additions": {}, "updates": updates | {"active": False}, "removals": {}}
        case _:
            return {"additions": {}, "updates": updates | ({"askData": data} if data else {}), "removals": {}}
