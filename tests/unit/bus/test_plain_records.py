"""Records found in place agree with the lenient reader's, whatever they hold; what is damaged is told."""

import pytest
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.checksum import crc32c
from libs.bus.plain_records import NotPlain, plain_batches
from libs.bus.record_batch import batches
from tests.unit.bus.test_record_batch import encoded, records

PLACE = TopicPartition("orders", 3)
Content = list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]]


@given(records, st.integers(0, 4), st.integers(1, 3), st.integers(0, 200))
def test_both_readers_agree(content: Content, codec: int, times: int, cut: int) -> None:
    data = encoded(content, codec)
    data = data * times + data[: min(cut, len(data) - 1)]
    found, others = plain_batches(data), list(batches(PLACE, data))
    assert len(found) == len(others) == times
    for batch, other in zip(found, others, strict=True):
        assert (batch.base_offset, batch.next_offset) == (other.base_offset, other.next_offset)
        assert not batch.is_control
        for one, (same, _) in zip(batch.records(), other.records(), strict=True):
            assert (one.offset, one.key, one.value) == (same.offset, same.key, same.value)
            assert (one.timestamp, tuple(one.headers)) == (same.timestamp, same.headers)


def test_large_fields_and_many_headers_are_found() -> None:
    content: Content = [(b"k" * 70, b"v" * 20_000, [(f"n{number}", b"x" * number) for number in range(300)])]
    (batch,) = plain_batches(encoded(content))
    assert [(one.key, one.value, one.headers) for one in batch.records()] == content


@given(records, st.integers(0, 4), st.data())
def test_damaged_bytes_are_not_read(content: Content, codec: int, data: st.DataObject) -> None:
    whole = bytearray(encoded(content, codec))
    whole[data.draw(st.integers(21, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (batch,) = plain_batches(bytes(whole))
    with pytest.raises(NotPlain, match="damaged"):
        list(batch.records())


def test_another_format_is_not_plain() -> None:
    whole = bytearray(encoded([(b"k", b"v", [])]))
    whole[16] = 1
    with pytest.raises(NotPlain, match="format 1"):
        plain_batches(bytes(whole))


def test_a_header_name_that_is_no_text_is_told_by_whoever_asks_for_it() -> None:
    whole = bytearray(encoded([(b"k", b"v", [("name", b"1")])]).replace(b"name", b"na\xffe"))
    whole[17:21] = crc32c(bytes(whole[21:])).to_bytes(4, "big")
    (batch,) = plain_batches(bytes(whole))
    (one,) = batch.records()
    assert one.value == b"v"
    with pytest.raises(NotPlain, match="utf-8"):
        _ = one.headers
