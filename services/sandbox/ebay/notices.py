"""eBay's notifications and their signature. Source: Notification API 1.2.0 and eBay's event notification SDKs."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from services.sandbox.ebay.keys import Keys
from services.sandbox.notice import JSON, Attempt, Notice, Request
from services.sandbox.times import zulu
from services.sandbox.wire import compact

SIGNATURE = "X-EBAY-SIGNATURE"


def signature(keys: Keys, kid: str, body: bytes) -> str:
    """The header's value. Signatures are deterministic (RFC 6979), so that the same notice gives the same bytes."""
    signed = keys.private(kid).sign(body, ec.ECDSA(hashes.SHA1(), deterministic_signing=True))  # noqa: S303  (eBay's choice)
    header = {"alg": "ecdsa", "kid": kid, "signature": base64.b64encode(signed).decode(), "digest": "SHA1"}
    return base64.b64encode(compact(header)).decode()


@dataclass(frozen=True, slots=True)
class EbayNotice(Notice):
    """One notification; each attempt tells its number and when it was published, and is signed anew."""

    keys: Keys
    topic: str
    resource: str
    id: str
    event_date: datetime
    publish_date: datetime
    data: Mapping[str, Any]
    poison: str | None = None

    def request(self, attempt: Attempt) -> Request:
        body = compact(
            {
                "metadata": {"topic": self.topic, "schemaVersion": "1.0", "deprecated": False},
                "notification": {
                    "notificationId": self.id,
                    "eventDate": zulu(self.event_date),
                    "publishDate": zulu(self.publish_date + attempt.after),
                    "publishAttemptCount": attempt.number,
                    "data": self.data,
                },
            }
        )
        kid, signed = self.keys.current, body
        if self.poison == "bad_signature":
            signed = body + b" "
        header = signature(self.keys, kid, signed)
        if self.poison == "unknown_key":
            header = _with_other_kid(header, kid)
        return Request(body, {**JSON, SIGNATURE: header})


def _with_other_kid(header: str, kid: str) -> str:
    text = base64.b64decode(header).replace(kid.encode(), b"00000000-0000-4000-8000-000000000000")
    return base64.b64encode(text).decode()
