"""The order in which runners take their turns: none always runs first, or behind the same other one."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def moved_on(items: Sequence[T], steps: int) -> list[T]:
    """The items in their order, which begins so many later."""
    first = steps % len(items) if items else 0
    return [*items[first:], *items[:first]]
