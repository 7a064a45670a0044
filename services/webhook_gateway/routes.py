"""The gateway's HTTP API: each route with its description."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

from aiohttp import web
from pydantic import BaseModel, Field, JsonValue, create_model

from libs.http.openapi import Api, Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.marketplaces.contract import Challenger, Contract, Refused, WebhookVerifier
from services.webhook_gateway.places import MERCADOLIBRE, Marketplace
from services.webhook_gateway.transport import Transport

_DESCRIPTION = (
    "Takes the webhooks of marketplaces in. A 2xx means that the delivery is durable.\n\n"
    "Errors are problem details (RFC 9457) with the extension `reason`, a short fixed code."
)


class Taken(BaseModel):
    """MercadoLibre's acknowledgement."""

    ok: bool


class NotTaken(BaseModel):
    """MercadoLibre's error."""

    ok: bool = False
    error: str


class Pong(BaseModel):
    """The service answers."""

    status: str = "ok"
    service: str = MERCADOLIBRE


class ChallengeQuery(BaseModel):
    """eBay's challenge."""

    challenge_code: str = Field(description="What eBay wants to see hashed")


class ChallengeAnswer(BaseModel):
    """eBay's proof that the endpoint is ours."""

    challengeResponse: str = Field(
        description="SHA-256 over challenge code, verification token and endpoint, in hexadecimal"
    )


_REFUSALS = problems(
    s400="Not JSON, broken off, or a header or parameter that stands twice",
    s401="The proof is missing, wrong or too old",
    s404="Unknown marketplace or account",
    s408="The body took too long to arrive",
    s413="The body is too large",
    s415="The Content-Type is wrong, or the body is compressed",
    s503="Kafka does not answer, or a key cannot be fetched: come again",
)


def add_routes(app: web.Application, marketplaces: Mapping[str, Marketplace], transport: Transport) -> None:
    """Register the API at an application."""
    _Routes(marketplaces, transport).api().add_to(app)


class _Routes:
    def __init__(self, marketplaces: Mapping[str, Marketplace], transport: Transport) -> None:
        self._marketplaces = marketplaces
        self._transport = transport

    def api(self) -> Api:
        """The API with a hook for each configured marketplace."""
        deliver = Operation(
            "Deliver a webhook",
            body=JsonValue,
            replies={200: Reply("Durable, or known already", JsonValue)} | _REFUSALS,
        )
        challenge = Operation(
            "Prove the endpoint (eBay)",
            query=ChallengeQuery,
            replies={200: Reply("The proof", ChallengeAnswer)} | problems(400, 404, 405),
        )
        not_taken = {status: Reply(reply.description, NotTaken) for status, reply in _REFUSALS.items()}
        notify = Operation(
            "Deliver a MercadoLibre notification",
            body=JsonValue,
            replies={200: Reply("Durable, or known already", Taken)} | not_taken,
        )
        ping = Operation("Whether MercadoLibre's endpoints are up", replies={200: Reply("They are", Pong)})
        return Api(
            "webhook_gateway",
            version("sellstream"),
            _DESCRIPTION,
            routes=(
                Route("POST", "/webhooks/{marketplace}", self._transport.receive, deliver),
                Route("POST", "/webhooks/{marketplace}/{account}", self._transport.receive, deliver),
                Route("POST", "/webhooks/{marketplace}/{account}/{secret}", self._transport.receive, deliver),
                Route("GET", "/webhooks/{marketplace}", self.challenge, challenge),
                Route("GET", "/webhooks/{marketplace}/{account}", self.challenge, challenge),
                Route("POST", "/mercadolibre/webhook", self._transport.receive, notify),
                Route("POST", "/mercadolibre/webhook/{secret}", self._transport.receive, notify),
                Route("GET", "/mercadolibre/ping", self.ping, ping),
            ),
            hooks={name: _hook(one.contract) for name, one in sorted(self._marketplaces.items())},
        )

    async def challenge(self, request: web.Request) -> web.Response:
        """A marketplace asks whether the endpoint is ours; 405 for one that never asks."""
        found = self._marketplaces.get(request.match_info["marketplace"])
        if found is None:
            raise Problem(404, "No such marketplace is configured.")
        verifier = found.verifier
        try:
            answer = _challenger(verifier).answer_challenge(dict(request.query), request.match_info.get("account"))
        except Refused as refused:
            raise Problem(refused.status, refused.detail, reason=refused.reason) from None
        return web.json_response(answer)

    async def ping(self, _request: web.Request) -> web.Response:
        return web.json_response(Pong().model_dump())


def _challenger(verifier: WebhookVerifier) -> Challenger:
    if getattr(verifier, "answer_challenge", None) is None:
        raise Problem(405, "This marketplace delivers by POST and sends no challenge.", headers={"Allow": "POST"})
    return cast(Challenger, verifier)


def _hook(contract: Contract) -> Operation:
    success = ", ".join(str(status) for status in sorted(contract.success))
    fields: dict[str, Any] = {name.replace("-", "_"): (str, Field(alias=name)) for name in contract.kept_headers}
    return Operation(
        f"What {contract.marketplace} sends",
        f"It takes {success} as success, within {contract.deadline.total_seconds():g} s. {contract.retries}",
        header=create_model(f"{contract.marketplace}_headers", **fields) if fields else None,
        body=JsonValue,
        body_media_type=min(contract.content_types),
        replies={contract.answer.status: Reply("Durable, or known already", JsonValue)} | _REFUSALS,
    )
