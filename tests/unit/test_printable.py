"""What is told quickly is what `str.isprintable` tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.printable import is_printable, is_visible

ascii_texts = st.text(st.characters(codec="ascii"))


@given(st.text() | ascii_texts | st.text(st.characters(categories=["Cs", "L"]), max_size=3))
def test_a_text_is_printable_where_python_says_so(text: str) -> None:
    assert is_printable(text) == text.isprintable()


@given(st.binary() | ascii_texts.map(str.encode))
def test_bytes_are_visible_where_they_are_printable_ascii(raw: bytes) -> None:
    text = raw.decode("latin-1")
    assert is_visible(raw) == (text.isascii() and text.isprintable())


@pytest.mark.parametrize("byte", range(256))
def test_each_byte(byte: int) -> None:
    assert is_visible(b"a%cb" % byte) == (0x20 <= byte <= 0x7E)
    assert is_printable(f"a{chr(byte)}b") == chr(byte).isprintable()
