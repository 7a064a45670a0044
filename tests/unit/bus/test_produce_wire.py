"""Our Produce request against the client library's own, byte for byte."""

from io import BytesIO

import pytest
from aiokafka.protocol.produce import ProduceRequest, ProduceResponse_v7

from libs.bus.produce_wire import Answer, Produce, codes_of

PIECES = [(0, (b"fir", b"st")), (5, (b"", b"")), (2, (b"\x00" * 61, b"\x01" * 70_000))]
BATCHES = [(partition, b"".join(pieces)) for partition, pieces in PIECES]
SPOKEN = {0: (3, 11)}


def test_a_request_is_the_librarys_to_the_byte() -> None:
    ours = Produce("shop.wébhooks", PIECES).prepare(SPOKEN)
    theirs = ProduceRequest(None, -1, 30_000, [("shop.wébhooks", BATCHES)]).prepare(SPOKEN)
    assert isinstance(ours, Produce)
    assert ours.encode() == theirs.encode()
    header = {"correlation_id": 2**31 - 1, "client_id": "aiokafka-é"}
    assert ours.build_request_header(**header).encode() + ours.encode() == (
        theirs.build_request_header(**header).encode() + theirs.encode()
    )


def test_an_answer_is_read_as_the_library_reads_it() -> None:
    outcomes = [(0, 0, 17, -1, 3), (5, 6, -1, -1, -1), (2, 46, 2**40, 2**41, 0)]
    encoded = ProduceResponse_v7([("webhooks", outcomes)], 250).encode()
    buffer = BytesIO(b"\x00\x00\x00\x09" + encoded)
    assert Produce("webhooks", []).parse_response_header(buffer).correlation_id == 9
    expected = [(partition, code) for partition, code, *_ in outcomes]
    assert codes_of(Answer.decode(buffer)) == expected
    assert codes_of(ProduceResponse_v7.decode(BytesIO(encoded))) == expected


@pytest.mark.parametrize("version", [3, 5])
def test_an_older_broker_is_spoken_to_in_its_version(version: int) -> None:
    request = Produce("webhooks", PIECES).prepare({0: (0, version)})
    assert version == request.API_VERSION
    assert request.encode() == Produce("webhooks", PIECES).encode()


def test_an_answer_for_other_topics_is_an_error() -> None:
    with pytest.raises(ValueError, match="answered for 2"):
        Answer.decode(BytesIO(ProduceResponse_v7([("a", []), ("b", [])], 0).encode()))
