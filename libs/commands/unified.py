"""A command behind an HTTP route that answers in the unified form: carried out, or refused with its status."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.command import Json, Work
from libs.commands.errors import FactRefused, OtherRequest, ReadModelBehind
from libs.commands.requests import Request
from libs.commands.run import Commands
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.answer import NotJson, exact_json
from libs.http.openapi import Reply
from libs.http.server import REQUEST_ID
from libs.http.unified import Refused, Result, UnifiedResult
from libs.projection.live_build import OtherVersion
from libs.telemetry.log import get_logger

log = get_logger()

_LATER_SECONDS = 2

T = TypeVar("T")


class NotPossible(ValueError):
    """What is asked for contradicts itself, or what is known; the text says how."""


class IdempotencyHeader(BaseModel):
    """What a request may bring beside its body."""

    idempotency: str | None = Field(
        default=None, alias="Idempotency-Key", max_length=255, description="The same request under it is done once"
    )


REPLIES = {
    200: Reply("Carried out: the numbers, empty for what was deleted", UnifiedResult),
    400: Reply("The body is wrong, or contradicts what is known; nothing was changed", UnifiedResult),
    422: Reply("The Idempotency-Key was used for another request", UnifiedResult),
    500: Reply("PostgreSQL failed", UnifiedResult),
    503: Reply("Not now: Kafka is away, or a read model lags behind", UnifiedResult),
}
"""The answers of `answer`, for an API's description."""


async def answer(
    request: web.Request, commands: Commands, parsed: Callable[[bytes], T], work: Callable[[T], Work[list[str]]]
) -> web.Response:
    """Read a request, carry out its work, and answer in the unified form: one result for each of the work's values.

    `parsed` reads the body; it raises Refused. The work raises NotPossible for what the caller has to mend.
    """
    operation = f"{request.method} {request.path}"
    try:
        body = await request.read()
        asked = work(parsed(body))
        values, old = await _carry_out(commands, asked, operation, body, _idempotency_key(request))
    except Refused as refused:
        response = refused.response()
        if refused.status == 503:
            response.headers["Retry-After"] = str(_LATER_SECONDS)
        return response
    except web.HTTPRequestEntityTooLarge as error:
        return Refused(413, f"the body is too large: {error.text}").response()
    except Exception:
        log.exception("a command failed", operation=operation, request_id=request[REQUEST_ID])
        return Refused(500, f"an error of ours; our log tells more: {request[REQUEST_ID]}").response()
    told = UnifiedResult(result=[Result(value=str(value), msg="success") for value in values])
    return web.json_response(told.model_dump(), headers={"Idempotency-Replayed": "true"} if old else {})


def json_body(body: bytes) -> Any:
    """The JSON of a body, with exact decimals; raises Refused."""
    try:
        parsed = exact_json(body)
        json.dumps(parsed, ensure_ascii=False, default=str).encode()
    except NotJson as error:
        raise Refused(400, f"the body is not JSON: {error}") from error
    except UnicodeEncodeError:
        raise Refused(400, "the body holds half of a surrogate pair: no text can be made of it") from None
    except RecursionError:
        raise Refused(400, "the body is not JSON that we read: it is nested too deeply") from None
    return parsed


async def _carry_out(
    commands: Commands, work: Work[list[str]], operation: str, body: bytes, key: str | None
) -> tuple[Json, bool]:
    try:
        if key is None:
            return await commands.run(work), False
        return await commands.run_once(Request(operation, key, body), work)
    except (NotPossible, FactRefused) as error:
        raise Refused(400, str(error)) from error
    except OtherRequest as error:
        raise Refused(422, str(error)) from error
    except (DatabaseAway, NotMigrated) as error:
        log.warning("not known to be carried out", operation=operation, error=str(error))
        raise Refused(500, _unknown(error)) from error
    except NotPublished as error:
        log.warning("not known to be carried out", operation=operation, error=str(error))
        raise Refused(503, _unknown(error)) from error
    except (ReadModelBehind, OtherVersion, KafkaAway) as error:
        log.warning("not now", operation=operation, error=str(error))
        raise Refused(503, f"nothing was changed; try again later ({type(error).__name__})") from error


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 255 and key.isprintable()):  # half surrogates: bytes that are no UTF-8
        raise Refused(400, "the header Idempotency-Key must have 1 to 255 printable characters")
    return key


def _unknown(error: Exception) -> str:
    return (
        "it is not known whether it was carried out: the same request again under its Idempotency-Key finds out "
        f"({type(error).__name__})"
    )
