"""`python -m bench.ebay.run`: offers synchronised per second, calls, and memory; writes bench/ebay.json.

| runner            | what is timed                                                                                   |
|-------------------|-------------------------------------------------------------------------------------------------|
| document          | the document's sequential way, over the pages and SKUs of a sample: its rate is that of all     |
| ours              | a full offers run of all SKUs, from the command to its end: every row committed                 |
| ours, incremental | an incremental run after 1% of the items has changed: all offers are known to be right then     |

The listing of all items belongs to each. "Per second" counts the offers that are known to be right at the end.
"""

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from bench.ebay.document import sync_all_offers
from bench.ebay.world import REPORT_POLL_SECONDS, World, WorldFailed, world
from bench.machine import describe
from libs.stack import Endpoints, choose_stack, state_folder
from libs.stack.locks import unused_folder

RESULTS = Path(__file__).resolve().parents[1] / "ebay.json"
CHANGED_PERCENT = 1


@dataclass(frozen=True)
class Figure:
    """What one runner did."""

    runner: str
    skus: int
    offers: int
    seconds: float
    calls: int

    @property
    def per_second(self) -> float:
        return self.offers / self.seconds

    @property
    def calls_per_offer(self) -> float:
        return self.calls / self.offers


def main(
    skus: Annotated[int, typer.Option(min=200, help="SKUs of the account.")] = 10_000,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that each call to eBay takes.")] = 0.05,
    sample: Annotated[int, typer.Option(min=10, help="SKUs for the document's way.")] = 500,
    memory: Annotated[
        str, typer.Option(help="Account sizes whose inventory run's memory is measured.")
    ] = "1000,100000",
    offers_memory: Annotated[
        str, typer.Option(help="The same of a full offers run, which asks for each SKU: 100,000 take long.")
    ] = "",
    write: Annotated[bool, typer.Option(help="Write bench/ebay.json.")] = True,
) -> None:
    """Compare the sync document's way with ours."""
    sizes = {
        kind: [int(size) for size in told.split(",") if size]
        for kind, told in (("inventory", memory), ("offers", offers_memory))
    }
    results = asyncio.run(_run(skus, latency, sample, sizes))
    if write:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


async def _run(skus: int, latency: float, sample: int, sizes: dict[str, list[int]]) -> dict[str, Any]:
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            try:
                figures = await _figures(endpoints, skus, latency, sample)
                _show(figures, _ratios(figures))
                peaks = {
                    kind: {size: await _peak(endpoints, kind, size) for size in each} for kind, each in sizes.items()
                }
                machine = await describe(endpoints)
            except WorldFailed as error:
                raise SystemExit(str(error)) from None
    for kind, each in peaks.items():
        for size, peak in each.items():
            Console().print(f"peak memory of an {kind} run of {size} SKUs: {peak / 1e6:.0f} MB")
    return {
        "machine": machine,
        "settings": {
            "skus": skus,
            "latency_s": latency,
            "sample": sample,
            "changed_percent": CHANGED_PERCENT,
            "report_poll_s": REPORT_POLL_SECONDS,
        },
        "figures": [asdict(one) | {"offers_per_s": one.per_second} for one in figures],
        "ratios": _ratios(figures),
    } | {
        f"{kind}_run_peak_mb": {str(size): peak / 1e6 for size, peak in each.items()}
        for kind, each in peaks.items()
        if each
    }


async def _figures(endpoints: Endpoints, skus: int, latency: float, sample: int) -> tuple[Figure, Figure, Figure]:
    async with world(endpoints, skus, latency) as running:
        document = await _document(running, sample)
        await running.calls()
        told = await running.synced("offers")
        full = _figure("ours", told, told["counts"]["fetched"], await running.calls())
        await running.control("POST", "/_ebay/inventory/changes", {"change": skus * CHANGED_PERCENT // 100})
        told = await running.synced("offers", "incremental")
        incremental = _figure("ours, incremental", told, full.offers, await running.calls())
    return document, full, incremental


async def _document(running: World, sample: int) -> Figure:
    account = json.loads(running.accounts["EBAY_SYNC_ACCOUNTS"])[0]
    base = f"{running.sandbox}/ebay"
    form = {"grant_type": "refresh_token", "refresh_token": account["refresh_token"]}
    login = {"Authorization": aiohttp.encode_basic_auth(account["client_id"], account["client_secret"])}
    async with running.http.post(f"{base}/identity/v1/oauth2/token", data=form, headers=login) as answer:
        answer.raise_for_status()
        token = (await answer.json())["access_token"]
    await running.calls()
    began = asyncio.get_running_loop().time()
    skus, offers = await sync_all_offers(base, token, running.database_url, sample)
    seconds = asyncio.get_running_loop().time() - began
    return Figure("document", skus, offers, seconds, await running.calls())


def _figure(runner: str, told: dict[str, Any], offers: int, calls: int) -> Figure:
    return Figure(runner, told["counts"]["skus"], offers, told["seconds"], calls)


async def _peak(endpoints: Endpoints, kind: str, size: int) -> int:
    async with world(endpoints, size, 0) as running:
        peak: int = (await running.synced(kind))["peak_bytes"]
    return peak


def _ratios(figures: tuple[Figure, Figure, Figure]) -> dict[str, float]:
    document, full, incremental = figures
    return {
        "offers_per_second_ours_vs_document": full.per_second / document.per_second,
        "offers_per_second_incremental_vs_document": incremental.per_second / document.per_second,
        "calls_incremental_vs_full": incremental.calls / full.calls,
        "calls_per_offer_ours_vs_document": full.calls_per_offer / document.calls_per_offer,
        "calls_per_offer_incremental_vs_document": incremental.calls_per_offer / document.calls_per_offer,
    }


def _show(figures: tuple[Figure, ...], ratios: dict[str, float]) -> None:
    table = Table("runner", "SKUs asked", "offers right", "seconds", "offers/s", "calls")
    for one in figures:
        numbers = (str(one.skus), str(one.offers), f"{one.seconds:.1f}", f"{one.per_second:.1f}", str(one.calls))
        table.add_row(one.runner, *numbers)
    console = Console()
    console.print(table)
    for name, ratio in ratios.items():
        console.print(f"{name}: {ratio:.3g}")


if __name__ == "__main__":
    typer.run(main)
