"""What ebay_sync says, keeps and is configured with: the parts without I/O."""

import json
import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from libs.marketplaces.ebay.item import InventoryItem
from libs.secrets.keys import new_key
from services.ebay_sync import lines
from services.ebay_sync.config import Config
from services.ebay_sync.known import hash_of
from services.ebay_sync.run import Counts, Kind, Line, new_run_id
from services.ebay_sync.stream import last_event_id

ACCOUNT = {"account": "acme", "user_id": "7", "client_id": "c", "client_secret": "secret", "refresh_token": "token"}


def test_a_run_id_is_of_the_documented_form() -> None:
    made = new_run_id(Kind.INVENTORY, datetime.fromtimestamp(1234567890, UTC))
    assert re.fullmatch(r"inventory_1234567890_[0-9a-f]{6}", made)


def test_a_line_begins_with_its_time() -> None:
    line = Line(1, datetime(2026, 11, 21, 9, 5, 7, tzinfo=UTC), "info", lines.storing(50))
    assert str(line) == "[09:05:07] → Storing 50 inventory items in database..."


INVENTORY_LOGS = """\
Starting Inventory sync from eBay (production)
API Configuration: Inventory API v1 - getInventoryItems with pagination
→ Requesting page 1: GET /sell/inventory/v1/inventory_item?limit=200&offset=0
← Response: 200 OK (123ms) - Received 50 items (Total available: 50)
→ Storing 50 inventory items in database...
← Database: Stored 50 items (45ms)
Page 1/1 complete: 50 fetched, 50 stored | Running total: 50/50 fetched, 50 stored
Inventory sync completed: 50 fetched, 50 stored in 234ms
"""
OFFERS_LOGS = """\
Starting Offers sync from eBay (production)
API Configuration: Inventory API v1 - getInventoryItems → getOffers per SKU
Step 1: Fetching all inventory items to get SKU list...
→ Fetching inventory items page 1: GET /sell/inventory/v1/inventory_item?limit=200&offset=0
← Response: 200 OK (123ms) - Received 50 items, 50 SKUs (Total: 50)
✓ Step 1 complete: Found 50 unique SKUs
Step 2: Fetching offers for 50 SKUs...
→ [1/50] Fetching offers for SKU: SKU001
← [1/50] SKU SKU001: 2 offers (45ms)
→ [2/50] Fetching offers for SKU: SKU002
← [2/50] SKU SKU002: 1 offers (42ms)
✓ Step 2 complete: Processed 50 SKUs
Offers sync completed: 75 offers fetched, 75 stored from 50 SKUs in 3456ms
"""
"""The document's "Terminal Logging", copied without the times."""


def test_the_documents_example_is_said_word_for_word() -> None:
    page = Counts(fetched=50, stored=50)
    inventory = [
        lines.starting(Kind.INVENTORY, "production"),
        lines.CONFIGURATION[Kind.INVENTORY],
        lines.requesting(Kind.INVENTORY, 1, 200, 0),
        lines.received_items(123, 50, 50),
        lines.storing(50),
        lines.stored_items(50, 0, 45),
        lines.page_complete(1, 1, page, page, 50),
        lines.inventory_completed(page, 234),
    ]
    offers = [
        lines.starting(Kind.OFFERS, "production"),
        lines.CONFIGURATION[Kind.OFFERS],
        lines.STEP_1,
        lines.requesting(Kind.OFFERS, 1, 200, 0),
        lines.received_skus(123, 50, 50, 50),
        lines.step_1_complete(50),
        lines.step_2(50),
        lines.fetching_offers(1, 50, "SKU001"),
        lines.received_offers(1, 50, "SKU001", 2, 45),
        lines.fetching_offers(2, 50, "SKU002"),
        lines.received_offers(2, 50, "SKU002", 1, 42),
        lines.step_2_complete(50),
        lines.offers_completed(Counts(fetched=75, stored=75, skus=50), 3456),
    ]
    assert inventory == INVENTORY_LOGS.splitlines()
    assert offers == OFFERS_LOGS.splitlines()


def test_what_did_not_change_is_told_beside_what_was_stored() -> None:
    assert lines.stored_items(3, 47, 45) == "← Database: Stored 3 items (45ms), 47 unchanged"
    counts = Counts(fetched=50, stored=3, unchanged=45, disappeared=1, failed=2)
    assert lines.inventory_completed(counts, 9) == (
        "Inventory sync completed: 50 fetched, 3 stored, 45 unchanged, 1 disappeared, 2 failed in 9ms"
    )


@pytest.mark.parametrize(("text", "number"), [("12", 12), (None, 0), ("", 0), ("-1", 0), ("x", 0), ("9" * 30, 0)])
def test_a_last_event_id_that_is_none_begins_at_the_beginning(text: str | None, number: int) -> None:
    assert last_event_id(text) == number


def test_a_hash_knows_content_not_order() -> None:
    one, other = {"sku": "A", "condition": "NEW", "x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}, "condition": "NEW"}
    first, same = InventoryItem.read(one), InventoryItem.read({**other, "sku": "A"})
    assert hash_of(first) == hash_of(same)
    assert hash_of(first) != hash_of(InventoryItem.read({**one, "condition": "USED_GOOD"}))
    assert hash_of([first, same]) != hash_of([first])
    assert hash_of(first, "7") != hash_of(first, "8"), "whose they are is part of the fact"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "DATABASE_URL": "postgresql://127.0.0.1:9/x",
        "SELLSTREAM_SECRETS_KEYS": new_key(),
        "EBAY_SYNC_ACCOUNTS": json.dumps([ACCOUNT]),
        "EBAY_SYNC_JWT_KEY": "k" * 32,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EBAY_SYNC_PACE__CONCURRENCY", "3")
    environment.setenv("EBAY_SYNC_API__TIMEOUT_SECONDS", "4")
    config = Config()
    assert (config.pace.concurrency, config.pace.page_size) == (3, 200)
    assert (str(config.api.base_url), config.api.timeout_seconds) == ("https://api.ebay.com/", 4)
    assert config.api.max_answer_bytes == 16 * 1024 * 1024


def test_without_accounts_no_key_is_needed(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("EBAY_SYNC_ACCOUNTS")
    environment.delenv("EBAY_SYNC_JWT_KEY")
    assert Config().accounts == ()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("EBAY_SYNC_JWT_KEY", "short", "at least 32"),
        ("EBAY_SYNC_JWT_KEY", None, "EBAY_SYNC_JWT_KEY is missing"),
        ("EBAY_SYNC_ACCOUNTS", json.dumps([ACCOUNT, ACCOUNT]), "the same name"),
        ("EBAY_SYNC_PACE__PAGE_SIZE", "201", "less than or equal to 200"),
        ("EBAY_SYNC_INVENTORY_EVERY", "PT0S", "greater than or equal to 1 second"),
    ],
)
def test_wrong_settings_are_refused(
    environment: pytest.MonkeyPatch, name: str, value: str | None, problem: str
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(ValidationError, match=problem):
        Config()
