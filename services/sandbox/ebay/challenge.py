"""The endpoint validation that eBay makes before it sends anything."""

import hashlib
import json
from dataclasses import dataclass

import aiohttp

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an endpoint passed, and if not, why."""

    passed: bool
    reason: str
    status: int | None = None


async def validate(http: aiohttp.ClientSession, target: str, endpoint: str, token: str, code: str) -> Verdict:
    """GET `target?challenge_code=…` and compare the answer with the hash over code, token and registered endpoint."""
    try:
        async with http.get(
            target,
            params={"challenge_code": code},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=10),
        ) as answer:
            raw = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        return Verdict(False, f"no answer: {type(error).__name__}")
    expected = hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()
    fault = _fault(answer.status, answer.content_type, raw, expected)
    return Verdict(fault is None, fault or "ok", answer.status)


def _fault(status: int, content_type: str, raw: bytes, expected: str) -> str | None:
    if status != 200:
        return "the answer is not 200"
    if content_type != "application/json":
        return f"the content type is {content_type}, not application/json"
    if raw.startswith(_BOM):
        return "the answer begins with a byte order mark"
    try:
        body = json.loads(raw)
    except ValueError:
        return "the answer is not JSON"
    if not isinstance(body, dict) or body.get("challengeResponse") != expected:
        return "challengeResponse is not the hash of code, verification token and endpoint"
    return None
