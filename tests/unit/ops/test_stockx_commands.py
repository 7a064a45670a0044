"""A file of commands: read whole before any is given, each under an id that the same file gives again."""

from datetime import UTC, datetime

import pytest

from schemas.listing_commands.listing_change_requested import ListingChange
from services.ops.stockx_commands import WrongLine, read

AT = datetime(2026, 6, 5, tzinfo=UTC)
LINE = '{"account": "acme", "kind": "delete", "listing_id": "one"}'


def test_the_same_file_gives_the_same_commands() -> None:
    first = read([LINE, "", LINE], "me", "", AT)
    assert [each.kind for each in first] == [ListingChange.DELETE] * 2
    assert (first[0].marketplace, first[0].requested_by, first[0].requested_at) == ("stockx", "me", AT)
    assert first[0].id != first[1].id, "two lines are two commands"
    assert [each.id for each in read([LINE, "", LINE], "me", "", AT)] == [each.id for each in first]
    assert {each.id for each in read([LINE], "me", "monday", AT)}.isdisjoint(each.id for each in first)
    assert read(['{"id": "mine", ' + LINE[1:]], "me", "", AT)[0].id == "mine"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("delete all", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object"),
        ('{"account": "acme"}', "line 2: kind"),
        (LINE.replace('"kind"', '"colour": "red", "kind"'), "fields that no command has: colour"),
    ],
)
def test_one_wrong_line_and_nothing_is_given(line: str, why: str) -> None:
    with pytest.raises(WrongLine, match=why):
        read([LINE, line], "me", "", AT)
