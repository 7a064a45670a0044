"""The thin layer between aiohttp and the decision: find the marketplace, read the body, ask, record, answer."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from aiohttp import web

from libs.http.server import REQUEST_ID
from libs.marketplaces.contract import Refused, UnknownAccount, WebhookVerifier
from schemas.deliveries.delivery_decided import Decision
from services.webhook_gateway.answers import Answers
from services.webhook_gateway.handlers import Gateway
from services.webhook_gateway.reception import ClientGone, read_delivery
from services.webhook_gateway.record import Recorder
from services.webhook_gateway.verdict import Verdict, refusal


@dataclass
class Arrival:
    """A request on its way to a verdict: `since` is when its last byte was here (until then: when its headers were)."""

    verifier: WebhookVerifier | None
    request_id: str
    size: int = 0
    since: float = field(default_factory=time.perf_counter)

    def complete(self, size: int) -> None:
        """The body is here."""
        self.size = size
        self.since = time.perf_counter()


class Transport:
    """Takes deliveries from HTTP requests. `accounts` are the configured ones by marketplace."""

    def __init__(
        self,
        gateway: Gateway,
        recorder: Recorder,
        accounts: Mapping[str, frozenset[str]],
        *,
        margin: timedelta,
        longest_wait: timedelta,
        body_timeout: timedelta,
    ) -> None:
        self._gateway = gateway
        self._recorder = recorder
        self._accounts = accounts
        self._margin = margin
        self._longest_wait = longest_wait
        self._body_timeout = body_timeout

    async def receive(self, request: web.Request, marketplace: str, answers: Answers) -> web.Response:
        """Answer one delivery and tell of it, whatever becomes of it."""
        account = request.match_info.get("account")
        known = account if account in self._accounts.get(marketplace, ()) else None
        arrival = Arrival(self._gateway.verifiers.get(marketplace), request[REQUEST_ID])
        try:
            verdict = await self._decide(request, arrival, account, known)
        except Refused as refused:
            verdict = refusal(refused)
        except ClientGone:
            verdict = Verdict(Decision.REFUSED, 400, "client_gone", "The body was not complete.")
        except Exception:
            # A defect of ours; the middleware logs it and answers 500, and the marketplace comes again.
            self._record(Verdict(Decision.UNAVAILABLE, 500, "defect", account=known), arrival)
            raise
        self._record(replace(verdict, account=verdict.account or known), arrival)
        return answers(verdict, arrival.request_id)

    async def _decide(self, request: web.Request, arrival: Arrival, account: str | None, known: str | None) -> Verdict:
        verifier = arrival.verifier
        if verifier is None:
            raise Refused(404, "unknown_marketplace", "No such marketplace is configured.")
        if account is not None and known is None:
            raise UnknownAccount("No such account is configured.")
        secret = request.match_info.get("secret")
        delivery = await read_delivery(request, verifier.contract, known, secret, self._body_timeout)
        arrival.complete(len(delivery.body))
        patience = min(verifier.contract.deadline - self._margin, self._longest_wait)
        until = asyncio.get_running_loop().time() + patience.total_seconds()
        return await self._gateway.decide(verifier, delivery, until)

    def _record(self, verdict: Verdict, arrival: Arrival) -> None:
        self._recorder.record(
            verdict,
            arrival.verifier.contract if arrival.verifier else None,
            body_bytes=arrival.size,
            seconds=time.perf_counter() - arrival.since,
            request_id=arrival.request_id,
        )
