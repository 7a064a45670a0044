"""From a verdict to an answer: the marketplace's own success, and errors as problem+json or MercadoLibre's."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from libs.http.edge.answers import response
from services.webhook_gateway.verdict import Verdict

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, but for the headers that each response has."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]


Form = Callable[[Verdict, str], Answer]
"""Makes the answer to a verdict; the second argument is the request id."""


def problem_answer(verdict: Verdict, request_id: str) -> Answer:
    """The marketplace's success, or RFC 9457 problem details with the reason as extension `reason`."""
    if verdict.reason is None:
        return _success(verdict)
    told = {
        "title": HTTPStatus(verdict.status).phrase,
        "status": verdict.status,
        "detail": verdict.detail,
        "request_id": request_id,
        "reason": verdict.reason,
    }
    return Answer(verdict.status, json.dumps(told).encode(), PROBLEM, verdict.headers)


def mercadolibre_answer(verdict: Verdict, request_id: str) -> Answer:  # noqa: ARG001  (a `Form`)
    """As MercadoLibre's document says: `{"ok": true}`, or `{"ok": false, "error": …}` with the status of the error."""
    if verdict.reason is None:
        return _success(verdict)
    body = json.dumps({"ok": False, "error": verdict.detail}, ensure_ascii=False).encode()
    return Answer(verdict.status, body, JSON, verdict.headers)


def _success(verdict: Verdict) -> Answer:
    body = b"" if verdict.status == 204 else json.dumps(verdict.body).encode()
    return Answer(verdict.status, body, JSON, verdict.headers)


class _Success:
    """What is sent before and after the request id."""

    def __init__(self, verdict: Verdict, form: Form, before: bytes, after: bytes) -> None:
        self.verdict = verdict
        self.form = form
        self.before = before
        self.after = after


class Wire:
    """Answers as bytes of HTTP/1.1. Of a success all but the request id is made once a second."""

    def __init__(self) -> None:
        self._successes: dict[tuple[int, Form], _Success] = {}
        self._last: _Success | None = None
        self._second = 0
        self._date = ""

    def render(self, verdict: Verdict, form: Form, request_id: str, now: float, *, close: bool = False) -> bytes:
        """A whole response; `now` is in seconds since 1970."""
        if int(now) != self._second:
            self._second = int(now)
            self._date = formatdate(now, usegmt=True)
            self._successes.clear()
            self._last = None
        if verdict.reason is None and not close:
            found = self._last
            if found is None or found.verdict is not verdict or found.form is not form:
                found = self._last = self._success(verdict, form)
            return found.before + request_id.encode("latin-1") + found.after
        extra = f"{self._date}\r\nx-request-id: {request_id}"
        return self._whole(form(verdict, request_id), extra, "close" if close else "")

    def _success(self, verdict: Verdict, form: Form) -> _Success:
        # By identity: the verdicts of success are made once. The entry holds its verdict, so the id stays its own.
        found = self._successes.get((id(verdict), form))
        if found is None:
            told = f"{self._date}\r\nx-request-id: \x00"
            before, _, after = self._whole(form(verdict, ""), told, "").partition(b"\x00")
            found = self._successes[id(verdict), form] = _Success(verdict, form, before, after)
        return found

    @staticmethod
    def _whole(answer: Answer, date: str, connection: str) -> bytes:
        headers = {"date": date, **({"connection": connection} if connection else {}), **answer.headers}
        return response(answer.status, answer.body, answer.content_type, headers)
