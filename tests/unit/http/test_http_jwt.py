"""Tokens of our own users."""

from datetime import UTC, datetime, timedelta

import jwt as pyjwt
import pytest

from libs.http.jwt import AUDIENCE, InvalidToken, issue, verified

KEY = "k" * 32
HOUR = timedelta(hours=1)


def test_a_token_says_whose_it_is() -> None:
    assert verified(KEY, issue(KEY, "7", HOUR)) == "7"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        issue("j" * 32, "7", HOUR),
        issue(KEY, "7", HOUR, datetime.now(UTC) - timedelta(hours=2)),
        issue(KEY, "", HOUR),
        pyjwt.encode({"sub": "7", "aud": AUDIENCE}, KEY, "HS256"),  # never ends
        pyjwt.encode({"sub": "7", "aud": "others", "exp": datetime.now(UTC) + HOUR}, KEY, "HS256"),
        pyjwt.encode({"aud": AUDIENCE, "exp": datetime.now(UTC) + HOUR}, KEY, "HS256"),
        pyjwt.encode({"sub": "7", "aud": AUDIENCE, "exp": datetime.now(UTC) + HOUR}, None, "none"),
        pyjwt.encode({"sub": "7", "aud": AUDIENCE, "exp": datetime.now(UTC) + HOUR}, KEY * 2, "HS512"),
    ],
    ids=[
        "none",
        "dots",
        "another-key",
        "over",
        "of-nobody",
        "endless",
        "for-others",
        "no-subject",
        "unsigned",
        "HS512",
    ],
)
def test_any_other_is_refused_without_being_told(token: str) -> None:
    with pytest.raises(InvalidToken) as refusal:
        verified(KEY, token)
    assert not token or token not in str(refusal.value)
