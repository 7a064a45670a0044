"""Our partitioner agrees with the client library's, which agrees with Kafka's Java client."""

from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.partitioner import murmur2, partition_of


@given(st.binary(max_size=200))
def test_murmur2_is_that_of_the_client_library(key: bytes) -> None:
    assert murmur2(key) == reference(key) & 0xFFFFFFFF


def test_known_values_of_the_java_client() -> None:
    # UtilsTest.testMurmur2 of Apache Kafka, as unsigned numbers
    assert murmur2(b"21") == -973932308 & 0xFFFFFFFF
    assert murmur2(b"foobar") == -790332482 & 0xFFFFFFFF
    assert murmur2(b"a-little-bit-long-string") == -985981536 & 0xFFFFFFFF


@given(st.binary(max_size=50), st.integers(1, 100))
def test_the_partition_exists(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
