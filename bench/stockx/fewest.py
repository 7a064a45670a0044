"""The fewest calls that any schedule needs for commands to listings, given how StockX's API is made. Pure arithmetic.

It knows nothing of stockx_poller: it counts what the API lets a client do at all, so it holds for a schedule that is
told by an oracle how long every operation will take, and for one that has all the time in the world.

What is to be done: `create` new listings, change (`update`, `activate`, `deactivate`) and `delete` listings. Each
command is an operation of its own (commands are not folded into one); of each operation the end, and of each changed
listing the new state are to be published, as StockX tells them.

| needed                  | the fewest          | because                                                              |
|-------------------------|---------------------|----------------------------------------------------------------------|
| to create n             | ceil(n / 500) calls | a batch creates as many as the items' window has: 500                |
| to change n             | ceil(n / 100) calls | a batch updates 100 listings; `active` in an item activates them too |
| to delete n             | ceil(n / 100) calls | a batch deletes 100 listings                                         |
| the states of n         | ceil(n / 100) calls | only listings tell states, a page has 100, read after the end        |
| the end of n changes or | none                | the page may show the listing as it was wanted, and so tell the end, |
| creations               |                     | too                                                                  |
| the end of n deletions  | ceil(n / 100) calls | no page shows a deleted listing, and its absence tells nothing; an   |
|                         |                     | answer about a batch tells of its 100 items at most                  |

Commands come in waves, and all of one wave is known before the next comes. A read tells of one moment, so what one
wave needs cannot be spared by a read of another: the waves' needs add up.

Failures only add calls (a page does not tell a failure from an operation that has not ended), and so do killed
processes, lost answers, and reads that come before the end: the figure is a lower bound with any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

ITEMS_OF_A_CREATION = 500
ITEMS_OF_A_BATCH = 100
LISTINGS_OF_A_PAGE = 100
ITEMS_IN_A_WINDOW = 500
WINDOW_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Wave:
    """How many commands of each kind come together; each listing has one of them at most."""

    create: int = 0
    change: int = 0
    delete: int = 0

    @property
    def commands(self) -> int:
        return self.create + self.change + self.delete

    @property
    def writes(self) -> int:
        """The fewest writes."""
        changes = ceil(self.change / ITEMS_OF_A_BATCH) + ceil(self.delete / ITEMS_OF_A_BATCH)
        return ceil(self.create / ITEMS_OF_A_CREATION) + changes

    @property
    def reads(self) -> int:
        """The fewest reads."""
        return ceil((self.create + self.change) / LISTINGS_OF_A_PAGE) + ceil(self.delete / ITEMS_OF_A_BATCH)


@dataclass(frozen=True, slots=True)
class Fewest:
    """What no schedule can do without. `seconds` of StockX's time pass between the first batch and the last."""

    writes: int
    reads: int
    seconds: float

    @property
    def calls(self) -> int:
        return self.writes + self.reads


def fewest(waves: Iterable[Wave]) -> Fewest:
    """The bound for waves that follow one another."""
    told = list(waves)
    items = sum(each.commands for each in told)
    seconds = WINDOW_SECONDS * max(0, ceil(items / ITEMS_IN_A_WINDOW) - 1)
    return Fewest(sum(each.writes for each in told), sum(each.reads for each in told), seconds)


def lives(listings: int) -> list[Wave]:
    """Listings created, updated, activated, deleted: four waves."""
    return [Wave(create=listings), Wave(change=listings), Wave(change=listings), Wave(delete=listings)]
