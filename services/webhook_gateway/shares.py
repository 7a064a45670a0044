"""Room for what waits, shared so that one flood does not starve the others: dynamic thresholds.

One account may hold at most eight times what is still free. So an account alone has eight ninths of the room, several
that flood share it equally, and whoever comes next always finds some. Source: Choudhury and Hahne, "Dynamic queue
length thresholds for shared-memory packet switches", IEEE/ACM Transactions on Networking 6 (1998).
"""

from typing import Final

from mypy_extensions import i64

_TIMES_THE_FREE = 8
_COLON: Final = 0x3A


def account_of(key: bytes) -> bytes:
    """Marketplace and account, from the key of a webhook's record."""
    colons = 0
    at: i64 = 0
    length: i64 = len(key)
    while at < length:
        if key[at] == _COLON:
            colons += 1
            if colons == 2:
                return key[:at]
        at += 1
    return key


class Shares:
    """How many bytes of a room each account holds."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: dict[bytes, int] = {}
        self.used = 0

    @property
    def nearly_used_up(self) -> bool:
        """Whether so little is left that it is no longer one account's matter."""
        return 5 * self.used >= 4 * self._room

    def take(self, account: bytes, size: int) -> bool:
        """Take so many bytes, unless the account would have more than its share."""
        held = self._held.get(account, 0) + size
        if held > _TIMES_THE_FREE * (self._room - self.used - size):
            return False
        self._held[account] = held
        self.used += size
        return True

    def keep(self, account: bytes, size: int) -> None:
        """Count what is there already."""
        self._held[account] = self._held.get(account, 0) + size
        self.used += size

    def give_back(self, account: bytes, size: int) -> None:
        """What was taken."""
        left = self._held[account] - size
        if left:
            self._held[account] = left
        else:
            del self._held[account]
        self.used -= size
