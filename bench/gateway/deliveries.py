"""Deliveries in Square's form, signed and framed before the first is sent.

File of requests: for each, its length (uint32, little-endian) and the complete HTTP/1.1 request.
"""

import base64
import hmac
import json
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

BODY_BYTES = 1024
_LENGTH = struct.Struct("<I")
_FIRST = uuid.UUID("5e115723-ea40-4000-8000-000000000000").int


@dataclass(frozen=True)
class Account:
    """The seller's account that all deliveries belong to. Every server under test is configured with it."""

    name: str = "bench"
    merchant_id: str = "MLBENCH0SELLSTREAM"
    signature_key: str = "bench-signature-key-of-no-real-account"
    path: str = "/webhooks/square/bench"

    @property
    def notification_url(self) -> str:
        """What the marketplace signs: the registered URL, not the one of this machine."""
        return f"https://hooks.example.com{self.path}"


def body(account: Account, index: int) -> bytes:
    """The JSON of the delivery with this number, exactly 1 KiB; its event id and its order are its own."""
    order = f"ORDER{index:019d}"
    delivery = {
        "merchant_id": account.merchant_id,
        "location_id": "LBENCH0000001",
        "type": "order.updated",
        "event_id": str(uuid.UUID(int=_FIRST + index)),
        "created_at": "2026-01-15T10:20:30.456Z",
        "data": {
            "type": "order_updated",
            "id": order,
            "object": {
                "order_updated": {
                    "order_id": order,
                    "version": 1 + index % 7,
                    "location_id": "LBENCH0000001",
                    "state": "OPEN",
                    "created_at": "2026-01-15T10:00:00.000Z",
                    "updated_at": "2026-01-15T10:20:30.123Z",
                    "note": "",
                }
            },
        },
    }
    encoded = json.dumps(delivery, separators=(",", ":")).encode()
    note = ("Gift wrapping wanted; leave with the neighbour. " * 32)[: BODY_BYTES - len(encoded)]
    return encoded.replace(b'"note":""', b'"note":"%s"' % note.encode())


def request(account: Account, content: bytes) -> bytes:
    """A complete signed POST."""
    mac = hmac.digest(account.signature_key.encode(), account.notification_url.encode() + content, "sha256")
    head = (
        f"POST {account.path} HTTP/1.1\r\nHost: hooks.example.com\r\nUser-Agent: Square Connect v2\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nsquare-environment: Production\r\n"
        f"square-initial-delivery-timestamp: 2026-01-15T10:20:31Z\r\n"
        f"x-square-hmacsha256-signature: {base64.b64encode(mac).decode()}\r\n\r\n"
    )
    return head.encode() + content


def write_requests(path: Path, account: Account, count: int, first: int = 0) -> list[bytes]:
    """Write `count` requests, from the one with number `first`; answers the digests of their bodies, in order."""
    digests = []
    with path.open("wb", buffering=1 << 20) as file:
        for index in range(first, first + count):
            content = body(account, index)
            framed = request(account, content)
            file.write(_LENGTH.pack(len(framed)))
            file.write(framed)
            digests.append(digest(content))
    return digests


def read_requests(path: Path, first: int, count: int) -> Iterator[bytes]:
    """The requests from number `first`, at most `count` of them."""
    with path.open("rb", buffering=1 << 20) as file:
        for index in range(first + count):
            prefix = file.read(_LENGTH.size)
            if not prefix:
                return
            framed = file.read(_LENGTH.unpack(prefix)[0])
            if index >= first:
                yield framed


def digest(content: bytes) -> bytes:
    """What two bodies are compared by."""
    return blake2b(content, digest_size=16).digest()
