"""Limits by the hour, where they are switched on: search, items and users are counted apart, for the application."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.sandbox.clock import Clock
from services.sandbox.mercadolibre.errors import too_many
from services.sandbox.mercadolibre.switches import SwitchBoard, Switches

HOUR = timedelta(hours=1)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HourlyLimits:
    """Requests of the last hour of sandbox time, by kind. A refused request is not counted."""

    def __init__(self, clock: Clock, board: SwitchBoard) -> None:
        self._clock = clock
        self._board = board
        self._made: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def take(self, path: str) -> bool:
        """Count a request for a path within the marketplace; False if its limit is reached."""
        kind = _kind(path)
        if kind is None or not self._board.now.limited:
            return True
        now, made = self._clock.now(), self._made[kind]
        while made and now - made[0] >= HOUR:
            made.popleft()
        if len(made) >= _most(kind, self._board.now):
            return False
        made.append(now)
        return True

    def middleware(self) -> Middleware:
        """Answer 429 instead of handling what is beyond a limit."""

        @web.middleware
        async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self.take(request.path.removeprefix("/mercadolibre")):
                return too_many()
            return await handler(request)

        return limited


def _kind(path: str) -> str | None:
    first, _, rest = path.removeprefix("/").partition("/")
    match first:
        case "sites" if rest.endswith("/search"):
            return "search"
        case "items" | "users":
            return first
        case _:
            return None


def _most(kind: str, switches: Switches) -> int:
    return {
        "search": switches.search_per_hour,
        "items": switches.items_per_hour,
        "users": switches.users_per_hour,
    }[kind]
