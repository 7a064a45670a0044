"""A dead letter keeps the record's own bytes and headers, and says why in the names that other tools know."""

import struct
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.dead_letter import DeadLetter, annotated, without_marks
from libs.bus.outcome import ErrorClass
from libs.bus.replay import HEADER, is_replay
from schemas.envelope import Header


@dataclass(frozen=True)
class ARecord:
    topic: str = "staging.orders"
    partition: int = 3
    offset: int = 2**40
    key: bytes | None = b"k"
    value: bytes | None = b"\xff not json"
    headers: list[Header] = field(default_factory=lambda: [("ce_id", b"1"), ("odd", b"\xff\x00")])
    timestamp: int = 1_700_000_000_123


def marks_of(record: ARecord, error: BaseException | None = None) -> dict[str, bytes]:
    headers = annotated(record, "orders", "projector", error or ValueError("no amount"), ErrorClass.POISON, 6, "g")
    return dict(headers)


def test_connects_headers_are_all_there_as_text() -> None:
    """The names of DeadLetterQueueReporter.java, each once."""
    marks = marks_of(ARecord())
    trace = marks["__connect.errors.exception.stacktrace"]
    assert b"ValueError: no amount" in trace
    assert {name: value for name, value in marks.items() if name.startswith("__connect")} == {
        "__connect.errors.topic": b"orders",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": str(2**40).encode(),
        "__connect.errors.connector.name": b"projector",
        "__connect.errors.task.id": b"0",
        "__connect.errors.stage": b"handle",
        "__connect.errors.class.name": b"projector",
        "__connect.errors.exception.class.name": b"builtins.ValueError",
        "__connect.errors.exception.message": b"no amount",
        "__connect.errors.exception.stacktrace": trace,
    }


def test_springs_headers_are_all_there_with_numbers_in_binary() -> None:
    """The names of KafkaHeaders.java (DLT_*) as DeadLetterPublishingRecoverer writes them."""
    error = ValueError("no amount")
    error.__cause__ = KeyError("amount")
    marks = marks_of(ARecord(), error)
    assert {name: value for name, value in marks.items() if name.startswith("kafka_dlt")} == {
        "kafka_dlt-exception-fqcn": b"builtins.ValueError",
        "kafka_dlt-exception-cause-fqcn": b"builtins.KeyError",
        "kafka_dlt-exception-message": b"no amount",
        "kafka_dlt-exception-stacktrace": marks["__connect.errors.exception.stacktrace"],
        "kafka_dlt-original-topic": b"orders",
        "kafka_dlt-original-partition": struct.pack(">i", 3),
        "kafka_dlt-original-offset": struct.pack(">q", 2**40),
        "kafka_dlt-original-timestamp": struct.pack(">q", 1_700_000_000_123),
        "kafka_dlt-original-timestamp-type": b"CreateTime",
        "kafka_dlt-original-consumer-group": b"g",
    }
    assert "kafka_dlt-exception-cause-fqcn" not in marks_of(ARecord())


def test_it_says_who_failed_how_often_and_what_kind_of_failure_it_was() -> None:
    marks = marks_of(ARecord())
    assert (marks["x-failed-consumer"], marks["x-attempts"], marks["x-error-class"]) == (b"projector", b"6", b"poison")
    assert marks["x-replay-count"] == b"0"


def test_a_second_failure_keeps_the_time_of_the_first_and_the_replays() -> None:
    first = dict(annotated(ARecord(), "orders", "projector", ValueError("a"), ErrorClass.POISON, 1, "g"))
    again = ARecord(
        headers=[("ce_id", b"1"), ("x-first-failed-at", first["x-first-failed-at"]), ("x-replay-count", b"2")]
    )
    second = dict(annotated(again, "orders", "projector", ValueError("b"), ErrorClass.POISON, 1, "g"))
    assert second["x-first-failed-at"] == first["x-first-failed-at"]
    assert second["x-replay-count"] == b"2"
    assert second["__connect.errors.exception.message"] == b"b"


def test_a_replays_dead_letter_is_still_a_replay_and_another_is_not() -> None:
    for headers, replayed in (([("ce_id", b"1"), (HEADER, b"r1")], True), ([("ce_id", b"1")], False)):
        letter = ARecord(
            headers=annotated(ARecord(headers=headers), "orders", "p", ValueError(), ErrorClass.POISON, 1, "g")
        )
        assert is_replay(DeadLetter.of(letter, "p").headers_for_retry()) is replayed


names = st.text(min_size=1, max_size=20).filter(lambda name: not name.startswith(("x-", "__connect", "kafka_dlt")))


@given(st.lists(st.tuples(names, st.binary(max_size=30)), max_size=6), st.text())
def test_without_its_marks_it_is_the_record_that_failed(headers: list[Header], reason: str) -> None:
    record = ARecord(headers=headers)
    assert without_marks(annotated(record, "t", "c", ValueError(reason), ErrorClass.CONTRACT, 1, "g")) == headers
