"""Proofs are compared as they were sent: one encoding of them, and no other."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.marketplaces.proof import HmacSha256, any_same, from_base64, hmac_sha256, same


def test_the_keyed_hash_is_that_of_rfc_4231() -> None:
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(max_size=80))
def test_a_prepared_key_gives_the_same_hash(key: bytes, beginning: bytes, message: bytes) -> None:
    prepared = HmacSha256(key, beginning)
    for _ in range(2):
        assert prepared.base64(message) == base64.b64encode(hmac_sha256(key, beginning + message))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_canonical_base64_is_read(raw: bytes) -> None:
    assert from_base64(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize(
    "text", ["AA", "AB==", "AA==\n", " AA==", "AA= =", "A-__", "é", "\ud800", "=", "AAA", "AA==AA=="]
)
def test_other_base64_is_not(text: str) -> None:
    assert from_base64(text) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_compared(text: str) -> None:
    assert not same(b"\xff", text)


def test_one_of_several_is_enough() -> None:
    assert any_same([b"a", b"b"], ["x", "b"])
    assert not any_same([b"a", b"b"], ["x"])
    assert not any_same([], ["x"])
    assert not any_same([b"a"], [])
