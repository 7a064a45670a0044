"""eBay's signatures: which bytes they cover, which keys are taken, and how the header may look."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import BadPayload, BadSignature, Notification, UnknownAccount
from libs.marketplaces.ebay.signature import PublicKey, read_signature
from libs.marketplaces.ebay.webhook import EbayAccount, EbayWebhook
from tests.webhook_examples import RecordedHttp, example, fate

BASE = example("ebay", "marketplace_account_deletion__published_vector")
PRIVATE = ec.generate_private_key(ec.SECP256R1())
BODY = b'{"b":1.5,"a":"\xc3\xa9","n":{"x":[1,2]}}'


def pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = PRIVATE.public_key()) -> str:  # noqa: B008
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def record(**change: Any) -> dict[str, Any]:
    return {"key": pem().replace("\n", ""), "algorithm": "ECDSA", "digest": "SHA1", **change}


def signed(body: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    return PRIVATE.sign(body, ec.ECDSA(digest or hashes.SHA1()))


def header(**change: Any) -> str:
    told = {"alg": "ecdsa", "kid": "k-1", "signature": base64.b64encode(signed(BODY)).decode(), "digest": "SHA1"}
    return base64.b64encode(json.dumps({**told, **change}).encode()).decode()


@pytest.mark.parametrize(
    "key",
    [pem(), pem().replace("\n", ""), pem().replace("\n", "\r\n"), f"  {pem()}\n\n"],
    ids=["lines", "one", "crlf", "space"],
)
def test_a_pem_key_is_read_on_one_line_and_on_many(key: str) -> None:
    assert PublicKey.read(record(key=key)).proves(signed(BODY), BODY)


@pytest.mark.parametrize(
    ("named", "digest"),
    [
        ("SHA1", hashes.SHA1()),
        ("sha-1", hashes.SHA1()),
        (None, hashes.SHA1()),
        ("SHA256", hashes.SHA256()),
        ("SHA-256", hashes.SHA256()),
    ],
)
def test_the_keys_record_names_the_hash(named: str | None, digest: hashes.HashAlgorithm) -> None:
    key = PublicKey.read(record(digest=named))
    assert key.proves(signed(BODY, digest), BODY)
    other = hashes.SHA256() if isinstance(digest, hashes.SHA1) else hashes.SHA1()
    assert not key.proves(signed(BODY, other), BODY)


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        [],
        "key",
        {},
        record(digest="MD5"),
        record(digest=["SHA1"]),
        record(key=None),
        record(key=""),
        record(key="-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----"),
        record(key="-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----"),
        record(key="-----BEGIN PUBLIC KEY-----A=A=-----END PUBLIC KEY-----"),
        record(key=pem().replace("PUBLIC", "PRIVATE")),
        record(key=pem(ec.generate_private_key(ec.SECP384R1()).public_key())),
        record(key=pem(ed25519.Ed25519PrivateKey.generate().public_key())),
    ],
)
def test_a_record_that_holds_no_key_of_theirs_is_unreadable(unreadable: Any) -> None:
    with pytest.raises(ValueError, match=r"^the key record"):
        PublicKey.read(unreadable)


def test_the_bytes_or_their_compact_form_are_signed_and_no_other() -> None:
    key = PublicKey.read(record())
    indented = json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode()
    escaped = json.dumps(json.loads(BODY)).encode()
    assert key.proves(signed(BODY), BODY)
    assert key.proves(signed(indented), indented), "raw bytes come first, whatever their form"
    assert key.proves(signed(BODY), indented), "re-indented on its way"
    assert key.proves(signed(BODY), escaped), "escaped on its way"
    assert not key.proves(signed(indented), BODY), "a signature over an indented form"
    assert not key.proves(signed(BODY), json.dumps(json.loads(BODY), sort_keys=True).encode()), "other order of names"
    assert not key.proves(signed(b"not JSON"), b"not JSON either")


def test_each_changed_byte_of_the_signature_is_refused() -> None:
    key, signature = PublicKey.read(record()), signed(BODY)
    for place in range(len(signature)):
        for bit in (0x01, 0x80):
            changed = signature[:place] + bytes([signature[place] ^ bit]) + signature[place + 1 :]
            assert not key.proves(changed, BODY), f"byte {place}"
    assert not key.proves(signature + b"\x00", BODY)
    assert not key.proves(signature[:-1], BODY)


def test_a_header_is_read() -> None:
    found = read_signature(header(alg="ECDSA", digest="whatever"))
    assert found.key_id == "k-1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64",
        base64.b64encode(b"not JSON").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"[" * 2000).decode(),
        header(alg="none"),
        header(alg=None),
        header(alg=["ecdsa"]),
        *(header(kid=kid) for kid in (None, "", 7, "../x", "a/b", "a?b", "a b", "é", "-a", "a\n", "a" * 65)),
        *(header(signature=signature) for signature in (None, "", 7, "not base64", "A" * 400)),
    ],
)
def test_a_header_that_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        read_signature(text)


async def delivered(body: dict[str, Any]) -> Notification | tuple[int, str]:
    """The fate of a proved body."""
    raw = json.dumps(body).encode()
    token, url = BASE.http, "GET https://api.ebay.com/commerce/notification/v1/public_key/k-1"
    mine = replace(BASE, http={**token, url: [200, record()]})
    head = header(signature=base64.b64encode(signed(raw)).decode())
    return await fate(mine.verifier(), replace(BASE.delivery, body=raw, headers={"x-ebay-signature": head}))


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        ({"orderId": "1", "itemId": "2"}, "order:1"),
        ({"itemId": "2", "seller": {}}, "item:2"),
        ({"userId": "u", "username": "n"}, "user:u"),
        ({"userId": "", "username": "n"}, "user:n"),
        ({"userId": 7}, "T:n-1"),
        ({}, "T:n-1"),
        (None, "T:n-1"),
    ],
)
async def test_the_subject_is_what_the_data_is_about(data: Any, subject: str) -> None:
    outcome = await delivered({"metadata": {"topic": "T"}, "notification": {"notificationId": "n-1", "data": data}})
    assert isinstance(outcome, Notification)
    assert (outcome.subject, outcome.delivery_id, outcome.topic) == (subject, "n-1", "T")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": {"topic": "T"}},
        {"metadata": [], "notification": {"notificationId": "n"}},
        {"metadata": {"topic": None}, "notification": {"notificationId": "n"}},
        {"metadata": {"topic": "T"}, "notification": {"notificationId": "n" * 257}},
    ],
)
async def test_a_proved_body_that_names_nothing_is_refused(body: dict[str, Any]) -> None:
    assert await delivered(body) == (400, "bad_payload")


def challenged(*accounts: str) -> EbayWebhook:
    settings = [EbayAccount.model_validate({**BASE.settings, "account": name}) for name in accounts]
    verifier = MARKETPLACES["ebay"].verifier(settings, RecordedHttp())
    assert isinstance(verifier, EbayWebhook)
    return verifier


def test_the_challenge_is_hashed_with_token_and_endpoint() -> None:
    token, endpoint = BASE.settings["verification_token"], BASE.settings["endpoint"]
    expected = hashlib.sha256(f"a8628072{token}{endpoint}".encode()).hexdigest()
    answer = {"challengeResponse": expected}
    assert challenged("main").answer_challenge({"challenge_code": "a8628072"}, "main") == answer
    assert challenged("main").answer_challenge({"challenge_code": "a8628072"}, None) == answer


@pytest.mark.parametrize(
    "query", [{}, {"challenge_code": ""}, {"challenge_code": "x" * 257}, {"challenge_code": "\ud800"}]
)
def test_a_challenge_without_a_code_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadPayload):
        challenged("main").answer_challenge(query, None)


async def test_with_several_accounts_the_url_must_name_one() -> None:
    with pytest.raises(UnknownAccount):
        challenged("a", "b").answer_challenge({"challenge_code": "x"}, None)
    assert await fate(challenged("a", "b"), BASE.delivery) == (404, "unknown_account")


@pytest.mark.parametrize(
    "settings",
    [
        {"verification_token": "x" * 31},
        {"verification_token": "x" * 81},
        {"verification_token": "ä" * 40},
        {"endpoint": "https://shop.example/hook?x=1"},
        {"endpoint": "shop.example"},
        {"client_id": "with:colon"},
        {"client_secret": ""},
        {"base_url": "api.ebay.com"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BASE.verifier(settings)
