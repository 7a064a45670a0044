"""What is read past the parser is exactly what the parser would have read, and nothing that it refuses."""

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.http.edge.exchange import Limits
from libs.http.edge.plain import PlainRequests
from tests.unit.http.hostile import BODY, CASES, GOOD, HEAD, Case

LONG = b"x" * 600
SENT = HEAD + b"X-Signature: a+b/c==\r\nContent-Length: 17\r\n\r\n" + BODY


class Parsed:
    """What llhttp makes of a stream: the first message, and whether it ended there with nothing behind it."""

    def __init__(self, data: bytes) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.messages = 0
        self.complete = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()
        self.version = parser.get_http_version()
        self.keep_alive = parser.should_keep_alive()

    def on_message_begin(self) -> None:
        self.messages += 1

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


def agrees(reader: PlainRequests, data: bytes) -> bool:
    """Whether a request is read past the parser; it is then the same as the parser's."""
    found = reader.read(data)
    if found is None:
        return False
    parsed = Parsed(data)
    assert (parsed.messages, parsed.complete) == (1, 1)
    assert (parsed.method, parsed.version, parsed.keep_alive) == (b"POST", "1.1", True)
    assert found == (parsed.target, dict(parsed.fields), parsed.body)
    assert len(found[1]) == len(parsed.fields), "no header stands twice"
    return True


def test_a_usual_request_is_read_past_the_parser_the_first_time_and_again() -> None:
    reader = PlainRequests(Limits())
    for _ in range(3):
        assert agrees(reader, GOOD)
        assert agrees(reader, SENT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_hostile_request_is_read_past_the_parser(case: Case) -> None:
    reader = PlainRequests(Limits())
    assert not agrees(reader, case.sent) or case.status == 200
    agrees(reader, GOOD)
    assert not agrees(reader, case.sent) or case.status == 200, "also when most of its lines are known"


@pytest.mark.parametrize(
    "sent",
    [
        GOOD + GOOD,
        GOOD[:-1],
        GOOD + b"\r\n",
        b"\r\n" + GOOD,
        HEAD + b"content-length: 017\r\n\r\n" + BODY,
        HEAD + b"content-length: 17 \r\n\r\n" + BODY,
        HEAD + b"x-a: 1\rx-b: 2\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a: 1\nx-b: 2\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a: 1\n\rx-b: 2\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a: 1\x0bx-b: 2\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a: \xc3\xa9\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a: 1\r\nX-A: 1\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"x-a:\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD + b"Connection: close\r\ncontent-length: 17\r\n\r\n" + BODY,
        HEAD.replace(b"host", b"x-host") + b"content-length: 17\r\n\r\n" + BODY,
        HEAD.replace(b"square", b"squ%61re") + b"content-length: 17\r\n\r\n" + BODY,
        HEAD.replace(b"POST", b"PUT") + b"content-length: 17\r\n\r\n" + BODY,
        HEAD.replace(b"1.1", b"1.0") + b"content-length: 17\r\n\r\n" + BODY,
    ],
)
def test_what_is_unusual_is_left_to_the_parser(sent: bytes) -> None:
    reader = PlainRequests(Limits())
    for _ in range(2):
        assert reader.read(sent) is None


def test_limits_hold() -> None:
    few = PlainRequests(Limits(header_count=3))
    assert few.read(GOOD) is not None
    assert few.read(SENT) is None
    assert PlainRequests(Limits(header_bytes=80)).read(GOOD) is None
    assert PlainRequests(Limits(target=10)).read(GOOD) is None


def test_what_is_remembered_is_bounded() -> None:
    reader = PlainRequests(Limits())
    for number in range(5000):
        line = b"x-signature: %d\r\nx-long: %d%s\r\n" % (number, number, LONG)
        sent = HEAD.replace(b"square", b"square/%d" % number) + line + b"content-length: 17\r\n\r\n" + BODY
        assert agrees(reader, sent)
    assert reader.remembered <= 2 * 2048 + 256


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SENT)),
            st.integers(0, 4),
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":"]),
        ),
        max_size=3,
    )
)
def test_whatever_is_changed_in_a_request_both_read_the_same(changes: list[tuple[int, int, bytes]]) -> None:
    sent = SENT
    for at, removed, inserted in changes:
        sent = sent[:at] + inserted + sent[at + removed :]
    reader = PlainRequests(Limits())
    agrees(reader, SENT)
    agrees(reader, sent)
    assert reader.read(sent) == PlainRequests(Limits()).read(sent), "what was read before changes nothing"


@given(
    st.lists(st.tuples(st.sampled_from([b"Host", b"x-a", b"X-A", b"content-length", b"x-b"]), st.binary(max_size=4))),
    st.sampled_from([HEAD, HEAD.replace(b"square", b"ebay")]),
)
def test_heads_after_others_are_read_as_the_first_ones(fields: list[tuple[bytes, bytes]], head: bytes) -> None:
    """Heads of the same request line, with values, names and numbers of lines that differ."""
    reader = PlainRequests(Limits())
    kept = [reader.read(SENT)]
    for count in range(len(fields) + 1):
        lines = b"".join([b"%s: %s\r\n" % one for one in fields[:count]])
        for sent in (
            head + lines + b"content-length: 17\r\n\r\n" + BODY,
            HEAD + b"x-a: v\r\n" + lines + b"\r\n" + BODY,
        ):
            assert reader.read(sent) == PlainRequests(Limits()).read(sent)
            agrees(reader, sent)
    kept.append(reader.read(SENT))
    assert kept[0] == kept[1]


_LINES = st.sampled_from(
    [b"Host: a.b", b"x-a: 1", b"x-a: 22", b"X-A: 1", b"x-b: 1", b"x-b: 2", b"content-length: 17", b"x-c:", b""]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.lists(_LINES, max_size=6), st.sampled_from([BODY, BODY[:-4] + b"\r\n\r\n"])), max_size=8))
def test_lines_that_were_the_same_in_the_last_request_change_nothing(heads: list[tuple[list[bytes], bytes]]) -> None:
    """Heads that begin alike, in any order, some of them ending where others go on."""
    reader = PlainRequests(Limits())
    first = HEAD.partition(b"\r\n")[0]
    for _ in range(2):
        for lines, body in heads:
            sent = b"\r\n".join([first, *lines, b"", b""]) + body
            assert reader.read(sent) == PlainRequests(Limits()).read(sent)
            agrees(reader, sent)
