"""The unified answer of the documented POST endpoints: `{"result": [{"value", "msg", "error"}]}`."""

import hmac

from aiohttp import web
from pydantic import BaseModel, SecretStr, ValidationError


class Result(BaseModel):
    """What came of one operation. `value`: the id, empty for an error; `msg`: `success` or `error`."""

    value: str
    msg: str
    error: str = ""


class UnifiedResult(BaseModel):
    """One result for each operation of the request, in its order."""

    result: list[Result]


class Refused(Exception):
    """The request is answered with an error in the unified form."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error

    def response(self) -> web.Response:
        answer = UnifiedResult(result=[Result(value="", msg="error", error=self.error)])
        return web.json_response(answer.model_dump(), status=self.status)


def succeeded(value: object) -> Result:
    """The result of an operation that was carried out."""
    return Result(value=str(value), msg="success")


def require_worker_key(request: web.Request, key: SecretStr | None) -> None:
    """Raise Refused (401) unless no key is configured, or the request has it in `X-Worker-Key`."""
    if key is None:
        return
    given = request.headers.get("X-Worker-Key", "")
    if not hmac.compare_digest(given.encode(), key.get_secret_value().encode()):
        raise Refused(401, "the header X-Worker-Key is missing or wrong")


def told(error: ValidationError, *, skip: frozenset[str] = frozenset()) -> str:
    """What is wrong with a body, without its values; `skip`: parts of a place that are not in the body."""
    problems = []
    for one in error.errors(include_input=False, include_url=False):
        place = ""
        for part in one["loc"]:
            if isinstance(part, int):
                place += f"[{part}]"
            elif part not in skip:
                place += f".{part}" if place else part
        problems.append(f"{place}: {one['msg']}" if place else one["msg"])
    return "; ".join(problems)
