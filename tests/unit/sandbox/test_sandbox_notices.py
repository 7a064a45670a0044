"""Notifications on the wire: the oddities of MercadoLibre's samples, and signatures checked by other means."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.sandbox.ebay.keys import Keys
from services.sandbox.ebay.life import Life as EbayLife
from services.sandbox.mercadolibre.notices import QUIRKS, Notices
from services.sandbox.notice import Attempt, Request
from services.sandbox.square.life import Life as SquareLife
from services.sandbox.square.notices import Subscription

START = datetime(2026, 6, 5, 21, 44, 1, 464000, tzinfo=UTC)
THIRD = Attempt(3, timedelta(minutes=3), "http_timeout")
SUBSCRIPTION = Subscription("a-signature-key", "https://example.test/hook?x=1")


def body_with(quirk: str | None, topic: str = "orders_v2", attempts: int = 1) -> dict[str, Any]:
    """A notification with this quirk: the first that the seed gives."""
    notices = Notices(1, 6456467593800000, 0.9)
    while True:
        notice = notices.made(topic, "/orders/2000016796107000", 34308, START)
        if notice.quirk == quirk:
            body: dict[str, Any] = json.loads(notice.request(Attempt(attempts)).body)
            return body


def test_a_usual_notification() -> None:
    body = body_with(None)
    assert list(body) == ["_id", "topic", "resource", "user_id", "application_id", "sent", "attempts", "received"]
    assert body["resource"] == "/orders/2000016796107000"
    assert body["user_id"] == 34308
    assert body["application_id"] == 6456467593800000
    assert body["received"] < body["sent"] < "2026-06-05T21:44:02.999Z"


def test_attempts_differ_in_their_number_alone() -> None:
    assert body_with(None, attempts=8) == {**body_with(None), "attempts": 8}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_each_oddity(quirk: str) -> None:
    body = body_with(quirk)
    match quirk:
        case "no_slash":
            assert body["resource"] == "orders/2000016796107000"
        case "id_without_underscore":
            assert "id" in body
            assert "_id" not in body
        case "no_id":
            assert not {"id", "_id"} & body.keys()
        case "user_id_as_text":
            assert body["user_id"] == "34308"
        case "recieved":
            assert "recieved" in body
            assert "received" not in body
        case "nanoseconds":
            assert len(body["sent"]) == len("2026-06-05T21:44:02.627000517Z")
        case "sent_late":
            late = datetime.fromisoformat(body["sent"]) - datetime.fromisoformat(body["received"])
            assert late >= timedelta(minutes=2)
        case "hex_id":
            assert len(body["_id"]) == 24
            int(body["_id"], 16)


def test_messages_have_an_id_without_underscore() -> None:
    assert "id" in body_with(None, topic="messages")


def ebay_verify(keys: Keys, request: Request) -> dict[str, Any]:
    """As a receiver does it: header → key id → public key → ECDSA with SHA-1 over the raw bytes."""
    header: dict[str, Any] = json.loads(base64.b64decode(request.headers["X-EBAY-SIGNATURE"]))
    pem = keys.public_pem(header["kid"])
    assert pem is not None
    assert "\n" not in pem
    pem = pem.replace("-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n")
    key = load_pem_public_key(pem.replace("-----END", "\n-----END").encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    key.verify(base64.b64decode(header["signature"]), request.body, ec.ECDSA(hashes.SHA1()))
    return header


def test_ebays_signature_holds_for_every_attempt_and_after_a_new_key() -> None:
    keys = Keys(1)
    life = EbayLife(1, START, keys)
    notices = [notice for _ in range(40) for notice in life.step()]
    assert {notice.topic for notice in notices} == {
        "ORDER_CONFIRMATION",
        "ITEM_AVAILABILITY",
        "MARKETPLACE_ACCOUNT_DELETION",
    }
    for notice in notices:
        first, third = notice.request(Attempt()), notice.request(THIRD)
        header = ebay_verify(keys, first)
        assert (header["alg"], header["digest"]) == ("ecdsa", "SHA1")
        ebay_verify(keys, third)
        one, three = json.loads(first.body)["notification"], json.loads(third.body)["notification"]
        assert (one["publishAttemptCount"], three["publishAttemptCount"]) == (1, 3)
        assert one["notificationId"] == three["notificationId"] == notice.id
        assert one["publishDate"] < three["publishDate"]
        assert first.body == json.dumps(json.loads(first.body), separators=(",", ":"), ensure_ascii=False).encode()
    before = notices[0].request(Attempt())
    old = keys.current
    assert keys.rotate() != old
    ebay_verify(keys, before)
    assert ebay_verify(keys, notices[0].request(Attempt()))["kid"] == keys.current


def test_ebays_poison_does_not_verify() -> None:
    keys = Keys(1)
    life = EbayLife(1, START, keys)
    with pytest.raises(InvalidSignature):
        ebay_verify(keys, life.step(poison="bad_signature")[0].request(Attempt()))
    header = json.loads(
        base64.b64decode(life.step(poison="unknown_key")[0].request(Attempt()).headers["X-EBAY-SIGNATURE"])
    )
    assert keys.public_pem(header["kid"]) is None


def square_proof(body: bytes) -> str:
    mac = hmac.new(b"a-signature-key", b"https://example.test/hook?x=1" + body, hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def test_squares_signature_holds_and_its_retries_are_counted() -> None:
    life = SquareLife(1, START, SUBSCRIPTION)
    notices = [notice for _ in range(60) for notice in life.step()]
    assert {notice.topic for notice in notices} == {
        "order.created",
        "order.updated",
        "payment.updated",
        "inventory.count.updated",
    }
    for notice in notices:
        first, third = notice.request(Attempt()), notice.request(THIRD)
        assert first.body == third.body
        assert first.headers["x-square-hmacsha256-signature"] == square_proof(first.body)
        assert not {"square-retry-number", "square-retry-reason"} & first.headers.keys()
        assert third.headers["square-retry-number"] == "2"
        assert third.headers["square-retry-reason"] == "http_timeout"
        body = json.loads(first.body)
        assert body["event_id"] == notice.id
        assert body["type"] == notice.topic


def test_squares_poison_does_not_verify() -> None:
    request = SquareLife(1, START, SUBSCRIPTION).step(poison="bad_signature")[0].request(Attempt())
    assert request.headers["x-square-hmacsha256-signature"] != square_proof(request.body)
