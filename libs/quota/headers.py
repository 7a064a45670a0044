"""How a quota stands, told in headers: draft-ietf-httpapi-ratelimit-headers-10, and Retry-After (RFC 9110, 10.2.3)."""

import math
from collections.abc import Sequence
from datetime import timedelta

from libs.quota.quota import Standing


def ratelimit_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """RateLimit-Policy (`"search";q=3000;w=3600`) and RateLimit (`"search";r=2999;t=1800`); none without a quota."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{one.quota.name}";q={one.quota.limit};w={_seconds(one.quota.window)}' for one in standings
        ),
        "RateLimit": ", ".join(
            f'"{one.quota.name}";r={one.remaining};t={_seconds(one.reset_after)}' for one in standings
        ),
    }


def retry_after_header(duration: timedelta) -> dict[str, str]:
    """Retry-After in whole seconds, at least one."""
    return {"Retry-After": str(max(1, _seconds(duration)))}


def _seconds(duration: timedelta) -> int:
    return math.ceil(duration.total_seconds())
