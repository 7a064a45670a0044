"""Bearer tokens of our own people and programs: JSON Web Tokens (RFC 7519), signed with HS256 under a shared key."""

from datetime import UTC, datetime, timedelta

import jwt

AUDIENCE = "sellstream"
MIN_KEY_BYTES = 32
"""RFC 7518, section 3.2: a key of at least the hash's size."""

_ALGORITHM = "HS256"
_LEEWAY = timedelta(seconds=30)


class InvalidToken(Exception):
    """A token is not one of ours, or not any more; the text says why, without the token."""


def issue(key: str, user_id: str, life: timedelta, now: datetime | None = None) -> str:
    """A token that says who its bearer is, for so long."""
    began = now or datetime.now(UTC)
    return jwt.encode({"sub": user_id, "aud": AUDIENCE, "iat": began, "exp": began + life}, key, _ALGORITHM)


def verified(key: str, token: str) -> str:
    """The user whose token it is; raise InvalidToken."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            leeway=_LEEWAY,
            options={"require": ["sub", "aud", "exp"]},
        )
    except jwt.InvalidTokenError as error:
        raise InvalidToken(f"{type(error).__name__}: {error}") from None
    user_id: str = claims["sub"]
    if not user_id:
        raise InvalidToken("the token names no user")
    return user_id
