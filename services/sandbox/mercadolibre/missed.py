"""GET /missed_feeds: notifications whose attempts are spent, for two days; nothing acknowledges them."""

import json
from collections import deque
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.clock import Clock
from services.sandbox.delivery import Delivery
from services.sandbox.mercadolibre.notices import MercadoLibreNotice
from services.sandbox.notice import Attempt

KEPT = timedelta(days=2)


class MissedFeeds:
    """What could not be delivered."""

    def __init__(self, clock: Clock, url: str) -> None:
        self._clock = clock
        self._url = url
        self._missed: deque[tuple[datetime, MercadoLibreNotice, dict[str, Any]]] = deque()

    def add(self, delivery: Delivery) -> None:
        """Keep a lost delivery. What no marketplace would have sent is not kept."""
        notice = delivery.notice
        if not isinstance(notice, MercadoLibreNotice):
            return
        last = delivery.attempts[-1]
        request = notice.request(Attempt(len(delivery.attempts)))
        body = notice.body(len(delivery.attempts))
        message = {
            "_id": notice.delivery_id,
            "resource": body["resource"],
            "user_id": body["user_id"],
            "topic": body["topic"],
            "application_id": notice.application_id,
            "attempts": len(delivery.attempts),
            "sent": body["sent"],
            "received": body.get("received", body.get("recieved")),
            "request": {"url": self._url, "headers": dict(request.headers), "data": request.body.decode()},
            "response": {
                "req_time": round(last.seconds * 1000),
                "http_code": last.status or 0,
                "body": _json_or_text(last.answer_body),
                "headers": dict(last.answer_headers),
            },
        }
        self._missed.append((self._clock.now(), notice, message))

    def found(self, topic: str | None, site: str | None = None) -> list[dict[str, Any]]:
        """The last two days' messages about all users of the application, oldest first; topic None: of all.

        `site` narrows `items` to the listings of one country.
        """
        oldest = self._clock.now() - KEPT
        while self._missed and self._missed[0][0] < oldest:
            self._missed.popleft()
        return [
            message
            for _, notice, message in self._missed
            if topic in (None, message["topic"], notice.topic)
            and (site is None or f"/{site}" in f"/{message['resource'].removeprefix('/').partition('/')[2]}")
        ]


def _json_or_text(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
