"""What senders wrote reaches an operator's terminal as text, whatever it is."""

import json
import unicodedata
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.dead_letter import DeadLetter
from schemas.envelope import Header
from services.ops.dead_letters import Letter
from services.ops.dlq_text import as_json, list_lines, show_lines
from services.ops.terminal import harmless

names = st.text(max_size=10) | st.sampled_from(
    [
        "x-replay-count",
        "x-attempts",
        "x-first-failed-at",
        "__connect.errors.offset",
        "__connect.errors.exception.message",
    ]
)
headers = st.lists(st.tuples(names, st.binary(max_size=20) | st.sampled_from([b"--5", "²".encode(), b"9" * 5000])))


@dataclass(frozen=True)
class ARecord:
    topic: str = "projector-dlt"
    partition: int = 0
    offset: int = 7
    key: bytes | None = None
    value: bytes | None = None
    headers: list[Header] = field(default_factory=list)
    timestamp: int = 0


@given(st.text())
def test_harmless_text_has_no_control_characters(text: str) -> None:
    assert all(unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in harmless(text))


def test_plain_text_stays_as_it_is() -> None:
    assert harmless("¿Tiene en talla 42? [bold]") == "¿Tiene en talla 42? [bold]"
    assert harmless("a\x1b[31m\u202eb\n") == r"a\x1b[31m\u202eb\n"


@given(st.binary(max_size=600) | st.none(), st.binary(max_size=20) | st.none(), headers, st.integers(2, 200))
def test_any_record_can_be_shown(value: bytes | None, key: bytes | None, own: list[Header], width: int) -> None:
    letter = Letter(DeadLetter.of(ARecord(key=key, value=value, headers=own), "projector"), None)
    lines = [*list_lines([letter], width), *show_lines(letter)]
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Cs"} for line in lines for one in line)
    assert all(len(line) <= width for line in list_lines([letter], width))
    assert json.loads(as_json(letter, content=True))["id"] == "projector:0:7"


def test_a_deep_value_is_shown_as_text() -> None:
    letter = Letter(DeadLetter.of(ARecord(value=b"[" * 30_000), "projector"), None)
    assert any("[[[[" in line for line in show_lines(letter))
