"""How often MercadoLibre is asked, by all services and replicas of an application together.

The figures are those of our documentation; MercadoLibre publishes none. Each service that asks has these settings:
the counters are shared, so they should be the same everywhere.
"""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from libs.quota.rules import Quota, Rule

_HOUR = timedelta(hours=1)
_SLICES = 60
"""The hour rolls, by the minute: by the clock, twice as many could be asked for within an hour, around its turn."""

_COUNTED = {
    "GET /sites/{site}/search": "searches",
    "GET /items/{id}": "items",
    "GET /users/me": "users",
    "GET /users/{id}": "users",
}
"""The buckets of libs.http.client (method and route), and which limit they count against."""


class HourlyLimits(BaseModel):
    """Requests per hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    searches: int = Field(default=3000, ge=1)
    items: int = Field(default=10_000, ge=1)
    users: int = Field(default=3000, ge=1)

    def rules(self) -> Mapping[str, Rule]:
        """What a shared limiter holds, by bucket."""
        most = {"searches": self.searches, "items": self.items, "users": self.users}
        quotas = {kind: Quota(f"mercadolibre.{kind}", limit, _HOUR, _SLICES) for kind, limit in most.items()}
        return {bucket: Rule(quotas[kind]) for bucket, kind in _COUNTED.items()}
