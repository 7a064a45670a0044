"""Who is let in by the Authorization header, and what the others are told."""

from datetime import timedelta

import pytest
from aiohttp.test_utils import make_mocked_request

from libs.http.bearer import CHALLENGE, bearer, bearer_token, owner
from libs.http.jwt import issue
from libs.http.server import Problem

KEY = "k" * 32


def request(authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return make_mocked_request("GET", "/", headers=headers)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_tells_who_asks(scheme):
    assert bearer(request(f"{scheme}  {issue(KEY, '7', timedelta(hours=1))} "), KEY) == "7"


@pytest.mark.parametrize("told", [None, "", "Bearer", "Bearer ", "Basic abc", "token"])
def test_without_a_token_nobody_is_let_in(told):
    with pytest.raises(Problem, match="A token is needed") as raised:
        bearer(request(told), KEY)
    assert (raised.value.status, raised.value.headers["WWW-Authenticate"]) == (401, CHALLENGE["WWW-Authenticate"])
    assert bearer_token(request(told)) is None


@pytest.mark.parametrize(("token", "key", "why"), [("x.y.z", KEY, "is not accepted"), ("x.y.z", None, "configured")])
def test_a_token_that_is_not_ours_and_a_service_without_a_key_let_nobody_in(token, key, why):
    with pytest.raises(Problem, match=why) as raised:
        owner(token, key)
    assert raised.value.status == 401
    assert token not in str(raised.value)
