"""Who asks: one of our own people or programs, by the bearer token of a request (RFC 6750)."""

from aiohttp import web

from libs.http.jwt import InvalidToken, verified
from libs.http.server import Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sellstream"'}


def bearer_token(request: web.Request) -> str | None:
    """The token of the Authorization header, None if it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def bearer(request: web.Request, key: str | None) -> str:
    """The user whose token a request bears; raises Problem 401. `key` None: nobody is let in."""
    token = bearer_token(request)
    if token is None:
        raise Problem(401, "A token is needed: `Authorization: Bearer …`.", headers=CHALLENGE)
    return owner(token, key)


def owner(token: str, key: str | None) -> str:
    """The user whose token it is; raises Problem 401."""
    if key is None:
        raise Problem(401, "No account is configured here, so no token is accepted.", headers=CHALLENGE)
    try:
        return verified(key, token)
    except InvalidToken as error:
        raise Problem(401, f"The token is not accepted: {error}.", headers=CHALLENGE) from None
