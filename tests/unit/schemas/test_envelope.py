"""The envelope: what is written can be read, by us and by the CloudEvents SDK; what is broken is refused by name."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import BrokenEnvelope, Envelope

TIME = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)
TEXT = st.text(min_size=1, max_size=20)
OPTIONAL = st.none() | st.text(max_size=20)
RESERVED = {"specversion", "id", "source", "type", "time", "subject", "dataschema", "correlationid", "causationid"}
EXTENSION_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20).filter(
    lambda name: name not in RESERVED
)
ENVELOPES = st.builds(
    Envelope,
    id=TEXT,
    source=TEXT,
    type=TEXT,
    time=st.datetimes(timezones=st.just(UTC)),
    subject=TEXT,
    dataschema=TEXT,
    correlation_id=OPTIONAL,
    causation_id=OPTIONAL,
    traceparent=OPTIONAL,
    tracestate=OPTIONAL,
    extensions=st.dictionaries(EXTENSION_NAMES, st.text(max_size=20), max_size=4),
)
PLAIN = Envelope(
    id="01HS",
    source="/sellstream/test",
    type="sellstream.order.changed.v2",
    time=TIME,
    subject="mercadolibre:1",
    dataschema="urn:sellstream:schema:order.changed.v2",
    correlation_id="c",
    extensions={"marketplace": "mercadolibre"},
)


@given(envelope=ENVELOPES)
def test_what_is_written_can_be_read(envelope: Envelope) -> None:
    assert Envelope.of(envelope.headers()) == envelope


@given(envelope=ENVELOPES, foreign=st.lists(st.tuples(TEXT.map(lambda name: f"z-{name}"), st.binary(max_size=9))))
def test_headers_of_others_are_not_ours_to_read(envelope: Envelope, foreign: list[tuple[str, bytes]]) -> None:
    assert Envelope.of([*foreign, *envelope.headers(), *foreign]) == envelope


HEADER_NAMES = (
    st.sampled_from([*(f"ce_{name}" for name in RESERVED), "ce_", "ce_x", "content-type", "traceparent"]) | TEXT
)
HEADER_VALUES = (
    st.none() | st.binary(max_size=30) | st.sampled_from([b"1.0", b"0001-01-01T00:00:00+14:00", b"2026-01-01"])
)


def _read(headers: list[tuple[str, bytes]]) -> Envelope | BrokenEnvelope:
    """Any other error ends the test."""
    try:
        return Envelope.of(headers)
    except BrokenEnvelope as error:
        return error


@given(headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=14))
def test_any_headers_are_read_or_called_broken(headers: list[tuple[str, bytes]]) -> None:
    found = _read(headers)
    assert str(found)
    assert isinstance(found, BrokenEnvelope) or Envelope.of(found.headers()) == found


@given(envelope=ENVELOPES, where=st.integers(0, 100), value=st.binary(max_size=30))
def test_one_damaged_header_is_read_or_called_broken_by_name(envelope: Envelope, where: int, value: bytes) -> None:
    headers = envelope.headers()
    name = headers[where % len(headers)][0]
    headers[where % len(headers)] = (name, value)
    found = _read(headers)
    assert isinstance(found, Envelope) or name in str(found)


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time", "subject", "dataschema"])
def test_a_missing_or_empty_attribute_is_named(name: str) -> None:
    without = [(header, value) for header, value in PLAIN.headers() if header != f"ce_{name}"]
    for headers in (without, [*without, (f"ce_{name}", b"")]):
        with pytest.raises(BrokenEnvelope, match=f"ce_{name}"):
            Envelope.of(headers)


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("ce_specversion", b"0.3", "ce_specversion must be '1.0'"),
        ("ce_time", b"yesterday", "not RFC 3339"),
        ("ce_time", b"2026-03-14T15:09:26", "no offset"),
        ("ce_time", b"2026-03-14", "no offset"),
        ("ce_time", b"0001-01-01T00:00:00+14:00", "years 1 to 9999"),
        ("ce_time", b"9999-12-31T23:59:59-14:00", "years 1 to 9999"),
        ("ce_subject", b"\xff", "'ce_subject' is not UTF-8"),
        ("traceparent", b"\xff", "'traceparent' is not UTF-8"),
    ],
)
def test_a_broken_attribute_is_named(header: str, value: bytes, told: str) -> None:
    headers = [(name, old) for name, old in PLAIN.headers() if name != header]
    with pytest.raises(BrokenEnvelope, match=told):
        Envelope.of([*headers, (header, value)])


@pytest.mark.parametrize("header", ["ce_id", "ce_marketplace", "content-type"])
def test_a_header_that_stands_twice_is_refused(header: str) -> None:
    with pytest.raises(BrokenEnvelope, match="stands twice"):
        Envelope.of([*PLAIN.headers(), (header, b"x"), (header, b"x")])


def test_an_extension_may_not_take_the_name_of_an_attribute() -> None:
    envelope = Envelope("1", "/s", "t", TIME, "k", "urn:x", extensions={"id": "2"})
    with pytest.raises(ValueError, match="id"):
        envelope.headers()


def test_times_are_written_in_utc_with_microseconds() -> None:
    there = TIME.astimezone(timezone(timedelta(hours=-3)))
    early = datetime(33, 4, 3, tzinfo=UTC)
    for time, text in ((there, b"2026-03-14T15:09:26.535897Z"), (early, b"0033-04-03T00:00:00.000000Z")):
        envelope = Envelope("1", "/s", "t", time, "k", "urn:x")
        assert dict(envelope.headers())["ce_time"] == text


def test_the_cloudevents_sdk_reads_what_we_write() -> None:
    message = KafkaMessage(headers=dict(PLAIN.headers()), key=PLAIN.subject.encode(), value=b'{"order_id":"1"}')
    event = from_binary_event(message)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == PLAIN.id
    assert event.get_source() == PLAIN.source
    assert event.get_type() == PLAIN.type
    assert event.get_subject() == PLAIN.subject
    assert event.get_time() == TIME
    assert event.get_dataschema() == PLAIN.dataschema
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("correlationid") == "c"
    assert event.get_extension("marketplace") == "mercadolibre"
    assert event.get_data() == {"order_id": "1"}


def test_we_read_what_the_cloudevents_sdk_writes() -> None:
    attributes = {
        "id": "7",
        "source": "/elsewhere",
        "type": "sellstream.order.changed.v2",
        "specversion": "1.0",
        "time": TIME,
        "subject": "mercadolibre:1",
        "dataschema": "urn:sellstream:schema:order.changed.v2",
        "datacontenttype": "application/json",
        "correlationid": "c",
        "region": "sul",
    }
    message = to_binary_event(CloudEvent(attributes=attributes, data={"order_id": "1"}))
    envelope = Envelope.of(message.headers.items())
    assert (envelope.id, envelope.source, envelope.time) == ("7", "/elsewhere", TIME)
    assert (envelope.correlation_id, envelope.extensions) == ("c", {"region": "sul"})
