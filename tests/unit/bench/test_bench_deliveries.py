"""Deliveries are genuine and distinct, and the check of the topic notices what is wrong with it."""

import base64
import hmac
import json
from pathlib import Path

from bench.gateway.deliveries import BODY_BYTES, Account, body, read_requests, write_requests
from bench.gateway.verify import compare

ACCOUNT = Account()


def test_requests_are_complete_signed_and_of_the_agreed_size(tmp_path: Path) -> None:
    write_requests(tmp_path / "requests", ACCOUNT, 3)
    requests = list(read_requests(tmp_path / "requests", 1, 5))
    assert len(requests) == 2
    head, _, content = requests[0].partition(b"\r\n\r\n")
    headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    signed = ACCOUNT.notification_url.encode() + content
    mac = hmac.digest(ACCOUNT.signature_key.encode(), signed, "sha256")
    assert headers[b"x-square-hmacsha256-signature"] == base64.b64encode(mac)
    assert int(headers[b"Content-Length"]) == len(content) == BODY_BYTES
    assert content == body(ACCOUNT, 1)


def test_each_delivery_has_an_identity_of_its_own() -> None:
    assert len({json.loads(body(ACCOUNT, index))["event_id"] for index in range(50)}) == 50


def test_the_topics_comparison_names_each_kind_of_fault(tmp_path: Path) -> None:
    digests = write_requests(tmp_path / "requests", ACCOUNT, 4)
    bodies = [body(ACCOUNT, index) for index in range(4)]
    assert compare(bodies, {0, 1, 2, 3}, digests).problem is None
    assert compare(bodies, {0, 1, 2}, digests).problem is None  # its answer was lost
    verdict = compare([bodies[0], bodies[0], bodies[1] + b" "], {0, 1, 2}, digests)
    assert (verdict.missing, verdict.repeated, verdict.foreign) == (2, 1, 1)
    assert verdict.problem is not None
