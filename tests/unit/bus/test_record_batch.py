"""Our lenient reading of record batches agrees with the client library's own, and differs only in a header's name."""

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.record_batch import batches

PLACE = TopicPartition("orders", 3)
fields = st.none() | st.binary(max_size=40)
records = st.lists(
    st.tuples(fields, fields, st.lists(st.tuples(st.text(max_size=8), fields), max_size=3)), min_size=1, max_size=6
)


def encoded(content: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]], codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip
    for offset, (key, value, headers) in enumerate(content):
        builder.append(offset, timestamp=1_700_000_000_000 + offset, key=key, value=value, headers=headers)
    return bytes(builder.build())


@given(records, st.integers(0, 4), st.integers(1, 3), st.integers(0, 200))
def test_what_was_written_is_read(
    content: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]], codec: int, times: int, cut: int
) -> None:
    data = encoded(content, codec)
    found = list(batches(PLACE, data * times + data[: min(cut, len(data) - 1)]))
    assert len(found) == times, "a batch that is cut off is not read"
    for batch in found:
        read = [one.record for one in batch.records()]
        assert [(one.key, one.value, list(one.headers)) for one in read] == content
        assert [one.offset for one in read] == list(range(len(content)))
        assert [one.timestamp for one in read] == [1_700_000_000_000 + number for number in range(len(content))]
        assert not any(one.escaped for one in batch.records())
        assert batch.next_offset == len(content)


@given(records, st.data())
def test_damaged_bytes_are_told_with_their_place(
    content: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]], data: st.DataObject
) -> None:
    whole = bytearray(encoded(content))
    whole[data.draw(st.integers(21, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptRecordException, match="orders:3 at offset"):
        list(batches(PLACE, bytes(whole)))
