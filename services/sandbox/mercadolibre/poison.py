"""Notifications that something is wrong with: broken bytes, strangers, resources that lead nowhere."""

from collections.abc import Callable, Mapping

from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.notices import Notices
from services.sandbox.notice import Notice, Raw
from services.sandbox.seeded import stream

MISSING_ORDER = 2_000_009_000_000_000
"""Orders below this number's range never exist; each poisoned notice names another."""
GARBAGE_ORDER = 2_000_008_000_000_000
"""Orders of this range are answered with half a JSON document."""
_RANGE = 1_000_000_000


def yields_garbage(order_id: int) -> bool:
    """Whether the API answers about this order with something unreadable."""
    return GARBAGE_ORDER <= order_id < GARBAGE_ORDER + _RANGE


class Poison:
    """Makes poisoned notices."""

    def __init__(self, seed: int, life: Life, notices: Notices) -> None:
        self._source = stream(seed, "mercadolibre poison")
        self._life = life
        self._notices = notices
        self.kinds: Mapping[str, Callable[[], Notice]] = {
            "garbage_json": lambda: Raw("garbage_json", b'{"topic":"orders_v2","resource":"/orders/2000'),
            "not_an_object": lambda: Raw("not_an_object", b"[1,2,3]"),
            "not_utf8": lambda: Raw("not_utf8", b'{"topic":"\xff\xfe"}'),
            "empty": lambda: Raw("empty", b""),
            "unknown_topic": lambda: self._made("unknown_topic", "leads-martians", "/leads-martians/42"),
            "odd_resource": lambda: self._made("odd_resource", "orders_v2", "/orders/../users/me?x=1"),
            "missing_resource": lambda: self._order("missing_resource", MISSING_ORDER),
            "garbage_resource": lambda: self._order("garbage_resource", GARBAGE_ORDER),
            "foreign_user": lambda: self._made("foreign_user", "items", "/items/MLM1", user_id=999_999_999),
            "foreign_application": lambda: self._made(
                "foreign_application", "items", f"/items/{self._item()}", application_id=1_111_111_111_111_111
            ),
        }

    def _item(self) -> str:
        return self._source.choice(list(self._life.population.items))

    def _order(self, kind: str, first: int) -> Notice:
        return self._made(kind, "orders_v2", f"/orders/{first + self._source.randrange(_RANGE)}")

    def _made(self, kind: str, topic: str, resource: str, user_id: int | None = None, **extra: object) -> Notice:
        seller = self._source.choice(self._life.population.sellers).id
        return self._notices.made(topic, resource, user_id or seller, self._life.now, poison=kind, **extra)
