"""What is known of an account's SKUs and offers: the tables ebay_sync.items and ebay_sync.offers."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from libs.db.pool import Connection, Record
from libs.marketplaces.ebay.values import EbayPayload, whole
from schemas.inventory.inventory_changed import InventoryChangedV1
from schemas.offers.offer_changed import OfferChangedV1
from services.ebay_sync.projected import LogPlace

TRANSLATION = b"2"
"""Part of each hash. To be raised when the same answer becomes another fact: the next run then publishes all anew."""


F = TypeVar("F", InventoryChangedV1, OfferChangedV1)


@dataclass(frozen=True, slots=True)
class KnownItem:
    """A SKU as it was published last, without its fact."""

    sku: str
    hash: bytes
    offers_hash: bytes | None
    gone: bool
    seen_at: datetime
    offers_asked_at: datetime | None
    published_by: str
    place: LogPlace


@dataclass(frozen=True, slots=True)
class KnownOffer:
    """An offer as it was published last."""

    offer_id: str
    sku: str
    hash: bytes
    gone: bool
    published_by: str
    place: LogPlace
    fact: OfferChangedV1


@dataclass(frozen=True, slots=True)
class Published(Generic[F]):
    """A fact that was just published, the hash of what eBay told, and where it stands in the log."""

    fact: F
    hash: bytes
    place: LogPlace


def hash_of(told: EbayPayload | Sequence[EbayPayload], user_id: str = "") -> bytes:
    """SHA-256 of what eBay told, whatever the order of its fields; of a list, in the list's order.

    With whose goods they are: when an account gets another user, all its facts become others.
    """
    plain = whole(told) if isinstance(told, EbayPayload) else [whole(one) for one in told]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"\0".join((TRANSLATION, user_id.encode(), canonical.encode()))).digest()


async def items(connection: Connection, account: str, skus: Iterable[str]) -> dict[str, KnownItem]:
    rows = await connection.fetch(
        "SELECT sku, hash, offers_hash, gone, seen_at, offers_asked_at, published_by, log_partition, log_offset "
        "FROM ebay_sync.items WHERE account = $1 AND sku = ANY ($2)",
        account,
        list(skus),
    )
    return {
        row["sku"]: KnownItem(
            row["sku"],
            row["hash"],
            row["offers_hash"],
            row["gone"],
            row["seen_at"],
            row["offers_asked_at"],
            row["published_by"],
            LogPlace(row["log_partition"], row["log_offset"]),
        )
        for row in rows
    }


async def item_facts(connection: Connection, account: str, skus: Iterable[str]) -> dict[str, InventoryChangedV1]:
    rows = await connection.fetch(
        "SELECT sku, fact FROM ebay_sync.items WHERE account = $1 AND sku = ANY ($2)", account, list(skus)
    )
    return {row["sku"]: InventoryChangedV1.model_validate_json(row["fact"]) for row in rows}


async def offers_of(connection: Connection, account: str, skus: Iterable[str]) -> dict[str, KnownOffer]:
    """The offers of these SKUs, by their ids."""
    rows = await connection.fetch(
        "SELECT offer_id, sku, hash, gone, published_by, log_partition, log_offset, fact FROM ebay_sync.offers "
        "WHERE account = $1 AND sku = ANY ($2)",
        account,
        list(skus),
    )
    return {row["offer_id"]: _offer(row) for row in rows}


async def places_by(connection: Connection, account: str, skus: Iterable[str], run_id: str) -> dict[str, LogPlace]:
    """The offers of these SKUs that a run has published, and where."""
    rows = await connection.fetch(
        "SELECT offer_id, log_partition, log_offset FROM ebay_sync.offers "
        "WHERE account = $1 AND sku = ANY ($2) AND published_by = $3 AND NOT gone",
        account,
        list(skus),
        run_id,
    )
    return {row["offer_id"]: LogPlace(row["log_partition"], row["log_offset"]) for row in rows}


async def keep_items(
    connection: Connection, run_id: str, seen_at: datetime, published: Sequence[Published[InventoryChangedV1]]
) -> None:
    """Remember new states of items."""
    await connection.executemany(
        """
        INSERT INTO ebay_sync.items (account, sku, hash, fact, seen_at, changed_at, published_by, log_partition,
            log_offset)
        VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8) ON CONFLICT (account, sku) DO UPDATE SET hash = excluded.hash,
            fact = excluded.fact, gone = false, seen_at = excluded.seen_at, changed_at = excluded.changed_at,
            published_by = excluded.published_by, log_partition = excluded.log_partition,
            log_offset = excluded.log_offset
        """,
        [
            (
                one.fact.account,
                one.fact.sku,
                one.hash,
                one.fact.model_dump_json(),
                seen_at,
                run_id,
                one.place.partition,
                one.place.offset,
            )
            for one in published
        ],
    )


async def keep_offers(
    connection: Connection, run_id: str, published: Sequence[Published[OfferChangedV1]], *, gone: bool
) -> None:
    """Remember new states of offers."""
    await connection.executemany(
        """
        INSERT INTO ebay_sync.offers (account, offer_id, sku, hash, fact, gone, published_by, log_partition, log_offset)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, offer_id) DO UPDATE SET sku = excluded.sku,
            hash = excluded.hash, fact = excluded.fact, gone = excluded.gone, published_by = excluded.published_by,
            log_partition = excluded.log_partition, log_offset = excluded.log_offset
        """,
        [
            (
                one.fact.account,
                one.fact.offer_id,
                one.fact.sku,
                one.hash,
                one.fact.model_dump_json(),
                gone,
                run_id,
                one.place.partition,
                one.place.offset,
            )
            for one in published
        ],
    )


async def rewrite_items(
    connection: Connection,
    published: Sequence[tuple[InventoryChangedV1, LogPlace]],
    run_id: str | None = None,
    *,
    gone: bool,
) -> None:
    """Remember states that were published for another reason than a change of the item.

    With `run_id` they count as that run's own. A gone SKU's offers are asked for again when it is back; that it is gone
    is an answer of its own time, which an older answer does not replace.
    """
    await connection.executemany(
        """
        UPDATE ebay_sync.items SET fact = $3, log_partition = $4, log_offset = $5, gone = $6,
            published_by = coalesce($7, published_by), offers_hash = CASE WHEN $6 THEN NULL ELSE offers_hash END,
            seen_at = greatest(seen_at, $8), offers_asked_at = greatest(offers_asked_at, $8)
        WHERE account = $1 AND sku = $2
        """,
        [
            (
                fact.account,
                fact.sku,
                fact.model_dump_json(),
                place.partition,
                place.offset,
                gone,
                run_id,
                fact.disappeared_at if gone else None,
            )
            for fact, place in published
        ],
    )


async def seen(connection: Connection, account: str, skus: Iterable[str], at: datetime) -> None:
    """These SKUs were at eBay at this moment."""
    await connection.execute(
        "UPDATE ebay_sync.items SET seen_at = greatest(seen_at, $3) WHERE account = $1 AND sku = ANY ($2)",
        account,
        list(skus),
        at,
    )


async def asked_for_offers(connection: Connection, account: str, hashes: Mapping[str, tuple[bytes, datetime]]) -> None:
    """These SKUs' offers were asked for: the hash of the answer, and when."""
    await connection.executemany(
        "UPDATE ebay_sync.items SET offers_hash = $3, offers_asked_at = $4, suspect = false "
        "WHERE account = $1 AND sku = $2",
        [(account, sku, digest, at) for sku, (digest, at) in hashes.items()],
    )


async def skus_of_listing(connection: Connection, accounts: Sequence[str], listing_id: str) -> list[tuple[str, str]]:
    """Whose listing it is: accounts and SKUs of the offers that are listed so."""
    rows = await connection.fetch(
        "SELECT DISTINCT account, sku FROM ebay_sync.offers "
        "WHERE fact::jsonb ->> 'listing_id' = $2 AND account = ANY ($1) ORDER BY account, sku",
        list(accounts),
        listing_id,
    )
    return [(row["account"], row["sku"]) for row in rows]


async def suspect_unlisted(connection: Connection, account: str) -> None:
    """Have the next incremental offers run ask for SKUs of which no listing is known. The caller has the turn."""
    await connection.execute(
        """
        UPDATE ebay_sync.items AS item SET suspect = true
        WHERE account = $1 AND NOT gone AND NOT suspect AND NOT EXISTS (
            SELECT FROM ebay_sync.offers AS offer WHERE offer.account = item.account AND offer.sku = item.sku
                AND NOT offer.gone AND offer.fact::jsonb ->> 'listing_id' IS NOT NULL
        )
        """,
        account,
    )


def _offer(row: Record) -> KnownOffer:
    return KnownOffer(
        row["offer_id"],
        row["sku"],
        row["hash"],
        row["gone"],
        row["published_by"],
        LogPlace(row["log_partition"], row["log_offset"]),
        OfferChangedV1.model_validate_json(row["fact"]),
    )
