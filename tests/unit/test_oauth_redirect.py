"""The address that a browser is sent back to: what is read from it, and what is refused."""

import pytest
from yarl import URL

from libs.oauth.redirect import NoAgreement, Redirect, is_loopback, read_redirect


def test_code_and_state_are_read_from_a_whole_address() -> None:
    told = read_redirect(" https://shop.example/agreed?code=v%5E1.1%23i%5E1%23x&expires_in=299&state=abc ")
    assert told == Redirect("abc", "v^1.1#i^1#x")
    assert "v^1.1" not in repr(told), "a code is worth tokens"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (
            "https://shop.example/?error=access_denied&error_description=no%20thanks",
            "nobody agreed: access_denied",
        ),
        ("https://shop.example/?code=only", "no code and state"),
        ("https://shop.example/?state=only", "no code and state"),
        ("v^1.1#i^1#code", "no code and state"),
        ("http://[", "no address"),
        ("https://shop.example/?code=" + "x" * 9_000, "too long"),
    ],
)
def test_anything_else_is_refused(address: str, why: str) -> None:
    with pytest.raises(NoAgreement, match=why):
        read_redirect(address)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:8098/oauth", True),
        ("http://localhost:8098/", True),
        ("http://[::1]:8098/", True),
        ("https://127.0.0.1:8098/oauth", False),
        ("http://shop.example:8098/", False),
    ],
)
def test_only_plain_http_at_this_machine_can_be_heard(address: str, here: bool) -> None:
    assert is_loopback(URL(address)) is here
