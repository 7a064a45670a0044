"""Records of every topic once more, to every service that is given them: their fates, and what marketplaces saw."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import aiohttp

from libs.bus.message import Record
from libs.bus.publisher import Publisher
from schemas.topics import topics
from services.ops.replay import headers_of, is_copy
from tests.e2e.system import System
from tests.projecting import until

MOST = 20
"""Of one topic, to one service."""

_CONSUMED = re.compile(r'bus_consumed_total\{consumer="(\w+)",fate="(\w+)",topic="(\w+)"\} (\S+)')
_ASKED = re.compile(
    r'http_server_requests_total\{method="(\w+)",route="([^"]+)",service="sandbox",status="\d+"\} (\S+)'
)
_TOKENS = re.compile("token|oauth")
_SEARCH = "/mercadolibre/sites/"
"""It is closed, and the job that met it tries again at times of its own, whatever is replayed."""

SEEN_ELSEWHERE = "projector"
"""It has many topics and no way out; tests/chaos/test_replays.py replays them all to it."""

AS_A_TABLE = {("publisher", "exchange_rates"), ("pricing", "exchange_rates")}
"""Read as a whole where it is needed: no record of it has a fate, and nothing is done because of one."""

HANDLED = {"order_desk", "matcher", "privacy"}
"""Who has no effects outside, and is given replays (tests/contract/test_replays.py holds them to it)."""


async def fates(system: System) -> dict[tuple[str, str], Counter[str]]:
    """How many records each service has brought to which fate, by consumer and topic, as it tells itself."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for name in {consumer for topic in topics().values() for consumer in topic.consumers}:
        for consumer, fate, topic, count in _CONSUMED.findall(await _metrics(system, name)):
            found.setdefault((consumer, topic), Counter())[fate] += int(float(count))
    return found


async def changes(system: System) -> Counter[str]:
    """What the marketplaces were asked to change, and what was fetched because of a notification, by route."""
    found: Counter[str] = Counter()
    for method, route, count in _ASKED.findall(await _metrics(system, "sandbox")):
        marketplace = not route.startswith("/_") and not _TOKENS.search(route)
        fetched = route.startswith("/mercadolibre/") and not route.startswith(_SEARCH)
        if marketplace and (method not in ("GET", "HEAD") or fetched):
            found[f"{method} {route}"] += int(float(count))
    return found


async def replay(system: System, records: Mapping[str, Sequence[Record]]) -> dict[tuple[str, str], int]:
    """The newest records of each topic, to each service that reads it: how many it was given, by consumer and topic."""
    given: dict[tuple[str, str], int] = {}
    async with Publisher(system.kafka, "tests") as publisher:
        for name, topic in topics().items():
            for consumer in topic.consumers:
                if consumer == SEEN_ELSEWHERE:
                    continue
                chosen = [one for one in records[name] if one.key is not None and not is_copy(one)][-MOST:]
                await asyncio.gather(
                    *(
                        publisher.send(name, one.key, one.value, headers_of(one, consumer, "a-test"), within=30)
                        for one in chosen
                    )
                )
                given[consumer, name] = len(chosen)
    return given


async def check_replays(system: System, records: Mapping[str, Sequence[Record]]) -> None:
    """A replay to everybody: each record has its fate, and no marketplace is asked for a change."""
    before, asked = await fates(system), await changes(system)
    assert asked, "nothing was ever asked: it would not be seen either"
    given = await replay(system, records)
    seen: dict[tuple[str, str], Counter[str]] = {}

    async def all_have_a_fate() -> bool:
        nonlocal seen
        now = await fates(system)
        seen = {place: now.get(place, Counter()) - before.get(place, Counter()) for place in given}
        return all(_fated(seen[place], place) >= count for place, count in given.items() if place in before)

    await until(all_have_a_fate, "every replayed record has its fate", seconds=60)
    assert given.keys() - before.keys() <= AS_A_TABLE
    await system.settled()  # what follows from those that were handled has followed
    for (consumer, topic), count in given.items():
        if consumer not in HANDLED and (consumer, topic) in before:
            assert seen[consumer, topic]["replay_refused"] >= count, f"{consumer} has not refused a replay of {topic}"
    assert {consumer for consumer, _ in given} | {SEEN_ELSEWHERE} == {
        consumer for topic in topics().values() for consumer in topic.consumers
    }
    assert all(count for count in given.values()), f"there was nothing to replay: {given}"
    more = await changes(system) - asked
    assert not more, f"a replay led to requests: {more}"


def _fated(found: Counter[str], place: tuple[str, str]) -> int:
    """Records that are for somebody else, other consumers' copies, are no answer to ours."""
    return sum(
        count
        for fate, count in found.items()
        if fate != "not_for_us" and (place[0] in HANDLED or fate == "replay_refused")
    )


async def _metrics(system: System, name: str) -> str:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
        session.get(f"http://127.0.0.1:{system.ports[name]}/metrics") as answer,
    ):
        return await answer.text()
