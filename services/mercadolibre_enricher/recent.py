"""What was published last about each entity, in this process: keeps repetitions and old states out of the topics.

Only a saving: downstream, an older `updated_at` never replaces a newer one, and a known event id is known. So it may
forget, and it does at a restart.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from schemas.event import Fact

Entity = tuple[type[Fact], str]
"""What a fact is of, and its key: an order and its feedback have the same one."""


@dataclass(frozen=True, slots=True)
class State:
    """A publication: the fact's id, its time of change, whether it was whole, and the messages that led to it."""

    id: str
    updated_at: datetime
    whole: bool
    causes: frozenset[str]


class RecentStates:
    """The last state per entity, for the `most` entities used last."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._states: OrderedDict[Entity, State] = OrderedDict()

    def objection(self, entity: Entity, state: State) -> str | None:
        """Why a state need not be published, or None. Then it is remembered as published.

        A message that led to the remembered state may come again because its publication was cut short (a rebalance, a
        stop): then the state is published again, under the same id.
        """
        known = self._states.get(entity)
        if known is not None and not known.causes & state.causes:
            if state.id == known.id:
                return "this state was just published"
            if state.updated_at < known.updated_at:
                return "a newer state was published before"
            if not state.whole and state.updated_at == known.updated_at:
                return "a whole answer about this state was published before this partial one"
        self._states[entity] = state
        self._states.move_to_end(entity)
        if len(self._states) > self._most:
            self._states.popitem(last=False)
        return None
