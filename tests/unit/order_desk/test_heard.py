"""The same words again, or the same message again."""

import pytest

from services.order_desk.heard import Heard, times


@pytest.mark.parametrize(
    ("known", "text", "count"),
    [
        ("Hello?", "Hello?", 1),
        ("Hello?\n\nHello?\n\nHello?", "Hello?", 3),
        ("Hello? Anybody?", "Hello?", 0),
        ("One.\n\nTwo.\n\nOne.", "One.\n\nTwo.", 1),
        ("a.c", "abc", 0),
        ("abc", "a.c", 0),
    ],
)
def test_words_are_counted_as_whole_messages(known: str, text: str, count: int) -> None:
    assert times(known, text) == count


@pytest.mark.parametrize(
    ("heard", "known", "held"),
    [
        (Heard(0), "Hi", True),  # noted, then added, then the process was killed
        (Heard(1), "Hi", False),  # written again
        (Heard(1), "Hi\n\nHi", True),
        (Heard(1, added=True), "Hi", True),  # the ticket was shortened or edited since
        (Heard(1, added=True), "Ho", False),  # the message itself was edited
    ],
)
def test_a_message_is_held_when_its_words_stand_once_more_than_before_it(heard: Heard, known: str, held: bool) -> None:
    assert heard.is_held(known, "Hi") is held
