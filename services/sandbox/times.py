"""Times as the marketplaces write them."""

from datetime import datetime, timedelta, timezone

_MINUS_FOUR = timezone(timedelta(hours=-4))


def offset_time(moment: datetime) -> str:
    """`2026-06-05T17:35:40.000-04:00`: MercadoLibre's resources."""
    return moment.astimezone(_MINUS_FOUR).isoformat(timespec="milliseconds")


def zulu(moment: datetime) -> str:
    """`2026-06-05T21:44:02.627Z`: notifications."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def zulu_nanoseconds(moment: datetime, nanoseconds: int) -> str:
    """`2019-10-29T18:38:45.455006797Z`; `nanoseconds` (0 to 999) are the last three digits."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}{nanoseconds:03d}Z"
