"""Identities: a state has the same id however often it is read, a delivery by whatever way and how often it comes."""

import hashlib
import json
from uuid import NAMESPACE_URL, uuid5

from schemas.event import Fact
from schemas.registry import BY_MODEL
from schemas.values import UtcTime, format_time

NAMESPACE = uuid5(NAMESPACE_URL, "urn:sellstream:fact")
DELIVERIES = uuid5(NAMESPACE_URL, "urn:sellstream:webhook")


def delivery_event_id(marketplace: str, account: str, delivery_id: str) -> str:
    """The id of `webhook.received` for a delivery, by whatever way it came in: a UUID (version 5) over its identity."""
    return str(uuid5(DELIVERIES, f"{marketplace}:{account}:{delivery_id}"))


def state_id(fact: Fact, updated_at: UtcTime) -> str:
    """A UUID (version 5) over type, key, time of the change and the data, whatever the order of its fields."""
    canonical = json.dumps(json.loads(fact.encode()), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    told = "\n".join((BY_MODEL[type(fact)].type, fact.key(), format_time(updated_at), digest))
    return str(uuid5(NAMESPACE, told))
