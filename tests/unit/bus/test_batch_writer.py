"""Batches that are written by hand are, byte for byte, what the client library writes."""

from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.batch_writer import BatchWriter, header_block, read_header_block

HEADERS = st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=80)), max_size=5)
RECORDS = st.lists(
    st.tuples(
        st.binary(max_size=80),
        st.binary(max_size=200) | st.sampled_from([b"x" * 8191, b"x" * 8192, b"x" * 300_000]),
        HEADERS,
        st.integers(0, 2**41),
    ),
    min_size=1,
    max_size=8,
)


@given(records=RECORDS, producer=st.tuples(st.integers(0, 2**62), st.integers(0, 2**14), st.integers(0, 2**31 - 1)))
def test_a_batch_is_what_the_client_library_writes(
    records: list[tuple[bytes, bytes, list[tuple[str, bytes]], int]], producer: tuple[int, int, int]
) -> None:
    theirs, ours = BatchBuilder(16 * 1024 * 1024, 0), BatchWriter()
    for key, value, headers, timestamp_ms in records:
        theirs.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
        ours.append(key, value, header_block(headers), timestamp_ms)
    theirs._set_producer_state(*producer)
    ours.number(*producer)
    assert ours.count == theirs.record_count() == len(records)
    built = b"".join(ours.build())
    assert built == bytes(theirs._build())
    assert built == b"".join(ours.build()), "a batch that is sent again is the same"
    assert len(built) <= ours.bytes + 61 <= len(built) + 61 + 32 * len(records)


@given(HEADERS)
def test_headers_are_read_as_they_were_written(headers: list[tuple[str, bytes]]) -> None:
    assert read_header_block(header_block(headers)) == headers
