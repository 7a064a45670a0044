"""A refresh token is good for one use: an odd life in the answer must not cost the new pair."""

import pytest

from libs.marketplaces.mercadolibre.oauth import _TokenAnswer


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (21600, 21600),
        (60, 60),
        (100_000_000, 366 * 86400),
        (0, 21600),
        (-5, 21600),
        (None, 21600),
        ("soon", 21600),
        (True, 21600),
        ({}, 21600),
    ],
)
def test_the_pair_is_kept_whatever_life_it_is_told_to_have(told: object, seconds: int) -> None:
    answer = _TokenAnswer.read({"access_token": "a", "refresh_token": "r", "expires_in": told})
    assert (answer.access_token, answer.refresh_token, answer.expires_in) == ("a", "r", seconds)
