"""Whatever is sent, the answer is one of the specification, and the delivery beside it is taken in."""

import asyncio
import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.webhook_gateway.places import MERCADOLIBRE
from tests.unit.webhook_gateway.shop import Running, body_of, gateway_running, sign
from tests.unit.webhook_gateway.wire import post, say, statuses

SPECIFIED = {200, 202, 400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 431, 503, 505}

json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
likely_bodies = st.fixed_dictionaries(
    {"id": json_values}, optional={"topic": json_values, "keys": st.just("away"), "seller": st.text(max_size=5)}
).map(lambda value: json.dumps(value).encode())
deep = st.integers(1, 20_000).map(lambda depth: b'{"id":' + b"[" * depth + b"]" * depth + b"}")
bodies = st.one_of(
    likely_bodies,
    st.tuples(likely_bodies, st.integers(0, 40)).map(lambda told: told[0][: -told[1] or None]),
    likely_bodies.map(lambda body: body.decode().encode("utf-16")),
    deep,
    st.binary(max_size=300),
    st.integers(60_000, 70_000).map(lambda size: body_of(1, more="x" * size)),
)
paths = st.one_of(
    st.sampled_from(["/webhooks/shop", "/webhooks/shop/main", "/webhooks/shop/main/secret", "/mercadolibre/webhook"]),
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=30).map(
        lambda text: "/webhooks/" + text
    ),
)
token = st.text(st.sampled_from("abcXYZ019-_"), min_size=1, max_size=12)
header_bytes = st.binary(max_size=60).map(lambda value: re.sub(rb"[\r\n\x00]", b" ", value))
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["Content-Type", "Content-Encoding", "X-Shop-Signature", "X-Request-Id", "traceparent", "Host", "Cookie"]
        )
        | token,
        header_bytes,
    ),
    max_size=5,
)


def request(path: str, body: bytes, signed: bool, extra: list[tuple[str, bytes]], length: int | None) -> bytes:
    proof = [f"X-Shop-Signature: {sign(body)}"] if signed else []
    raw = post(path, body, *proof, length=length)
    more = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in extra)
    return raw.replace(b"Host: gateway\r\n", b"Host: gateway\r\n" + more, 1)


@given(
    path=paths,
    body=bodies,
    signed=st.booleans(),
    extra=headers | st.just([]),
    longer=st.none() | st.integers(-3, 3),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_input_gets_an_answer_of_the_specification(
    path: str, body: bytes, signed: bool, extra: list[tuple[str, bytes]], longer: int | None
) -> None:
    length = None if longer is None else max(0, len(body) + longer)
    asyncio.run(_hostile_beside_good(request(path, body, signed, extra, length)))


async def _hostile_beside_good(hostile: bytes) -> None:
    async with gateway_running(body_seconds=0.2) as running:
        good = body_of("good")
        neighbour = post("/webhooks/shop", good, f"X-Shop-Signature: {sign(good)}")
        answered, beside = await asyncio.gather(say(running.port, hostile), say(running.port, neighbour))
        assert statuses(beside) == [202]
        assert statuses(answered), "no answer"
        assert set(statuses(answered)) <= SPECIFIED, answered[:300]
        _consistent(running)


def _consistent(running: Running) -> None:
    """What was answered with success is published, once; what was refused is not; nothing is a defect."""
    assert all(one.reason != "defect" for one in running.decided)
    taken = {one.webhook_id for one in running.decided if one.status < 300}
    assert {one.id for one in running.published} == taken
    assert len(running.published) == len(taken)
    for outgoing in running.published:
        json.loads(outgoing.fact.encode())
    assert {one.marketplace for one in running.decided} <= {"shop", MERCADOLIBRE, "unknown"}
