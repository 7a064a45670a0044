"""What a run says, word for word as the document has it. What the document does not know is only said when it happens.

Source: the inventory and offers sync document, "Terminal Logging".
"""

from datetime import datetime

from services.ebay_sync.run import Counts, Kind

ITEMS_PATH = "/sell/inventory/v1/inventory_item"

CONFIGURATION = {
    Kind.INVENTORY: "API Configuration: Inventory API v1 - getInventoryItems with pagination",
    Kind.OFFERS: "API Configuration: Inventory API v1 - getInventoryItems → getOffers per SKU",
}
STEP_1 = "Step 1: Fetching all inventory items to get SKU list..."


def starting(kind: Kind, environment: str) -> str:
    return f"Starting {kind.title()} sync from eBay ({environment})"


def requesting(kind: Kind, number: int, limit: int, offset: int) -> str:
    what = "Requesting page" if kind is Kind.INVENTORY else "Fetching inventory items page"
    return f"→ {what} {number}: GET {ITEMS_PATH}?limit={limit}&offset={offset}"


def received_items(milliseconds: int, fetched: int, total: int) -> str:
    return f"← Response: 200 OK ({milliseconds}ms) - Received {fetched} items (Total available: {total})"


def received_skus(milliseconds: int, fetched: int, skus: int, total: int) -> str:
    return f"← Response: 200 OK ({milliseconds}ms) - Received {fetched} items, {skus} SKUs (Total: {total})"


def storing(items: int) -> str:
    return f"→ Storing {items} inventory items in database..."


def stored_items(stored: int, unchanged: int, milliseconds: int) -> str:
    return f"← Database: Stored {stored} items ({milliseconds}ms){_also(unchanged, 'unchanged')}"


def page_complete(page: int, pages: int, of_page: Counts, so_far: Counts, total: int) -> str:
    return (
        f"Page {page}/{pages} complete: {of_page.fetched} fetched, {of_page.stored} stored"
        f"{_also(of_page.unchanged, 'unchanged')} | "
        f"Running total: {so_far.fetched}/{total} fetched, {so_far.stored} stored{_also(so_far.unchanged, 'unchanged')}"
    )


def inventory_completed(counts: Counts, milliseconds: int) -> str:
    told = f"{counts.fetched} fetched, {counts.stored} stored{_rest(counts)}"
    return f"Inventory sync completed: {told} in {milliseconds}ms"


def step_1_complete(skus: int) -> str:
    return f"✓ Step 1 complete: Found {skus} unique SKUs"


def step_2(skus: int) -> str:
    return f"Step 2: Fetching offers for {skus} SKUs..."


def incremental(cursor: tuple[str, datetime] | None, unchanged: int) -> str:
    """`cursor`: the last run that went to its end, and when it began."""
    return f"Incremental ({_since(cursor)}): {unchanged} SKUs have not changed since their offers were fetched"


def incremental_items(cursor: tuple[str, datetime] | None) -> str:
    """eBay's list of items knows no "since": all its pages are read, and compared with what is known."""
    return f"Incremental ({_since(cursor)}): all items are read, those that have not changed are not stored again"


def fetching_offers(index: int, total: int, sku: str) -> str:
    return f"→ [{index}/{total}] Fetching offers for SKU: {sku}"


def received_offers(index: int, total: int, sku: str, offers: int, milliseconds: int) -> str:
    return f"← [{index}/{total}] SKU {sku}: {offers} offers ({milliseconds}ms)"


def failed_sku(index: int, total: int, sku: str, error: str, *, last: bool) -> str:
    """`last`: no round of retries follows."""
    told = "failed" if last else "failed, to be tried again at the end"
    return f"⚠ [{index}/{total}] SKU {sku}: {told} ({error})"


def step_2_complete(skus: int) -> str:
    return f"✓ Step 2 complete: Processed {skus} SKUs"


def offers_completed(counts: Counts, milliseconds: int) -> str:
    told = f"{counts.fetched} offers fetched, {counts.stored} stored{_rest(counts)}"
    return f"Offers sync completed: {told} from {counts.skus} SKUs in {milliseconds}ms"


def not_stored(number: int, *, stopping: bool) -> str:
    """Of what was published, when the waiting for the projector has ended: by itself, or by STOP."""
    if stopping:
        return f"⚠ {number} facts are published, and were not stored yet when STOP was heard"
    return f"⚠ {number} facts were refused by the read model: look at the projector's dead letters"


EBAY_IS_THERE = "⚠ Calls failed one after the other, but eBay answers others: it is not away"


def not_now(seconds: float, why: str) -> str:
    return f"⚠ Not now: asking again in {seconds:.1f} s ({why})"


def given_up_waiting(why: str, seconds: float) -> str:
    return f"{why}; waited for eBay {seconds:.0f} s. What is stored stays; sync again when eBay is back"


def again(skus: int, number: int, rounds: int) -> str:
    return f"Trying {skus} SKUs again (round {number} of {rounds})..."


def given_up(sku: str, error: str) -> str:
    return f"⚠ SKU {sku}: failed ({error})"


def retrying(skus: int, run_id: str) -> str:
    return f"Trying {skus} SKUs again that failed in {run_id}..."


def stopped(kind: Kind, counts: Counts) -> str:
    return f"{kind.title()} sync stopped: {counts.fetched} fetched, {counts.stored} stored{_rest(counts)}"


def failed(kind: Kind, error: str) -> str:
    return f"{kind.title()} sync failed: {error}"


def resumed(kind: Kind, holder: int) -> str:
    return f"{kind.title()} sync goes on in another process (holder {holder}), from its last stored page"


def _since(cursor: tuple[str, datetime] | None) -> str:
    return f"since {cursor[0]} of {cursor[1]:%Y-%m-%d %H:%M:%S}" if cursor else "no run has gone to its end yet"


def _also(number: int, what: str) -> str:
    return f", {number} {what}" if number else ""


def _rest(counts: Counts) -> str:
    return (
        _also(counts.unchanged, "unchanged") + _also(counts.disappeared, "disappeared") + _also(counts.failed, "failed")
    )
