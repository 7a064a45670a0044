"""Publishing what is known of products: a work for `libs.commands`, so that two tellers cannot overwrite one another.

async with Commands(database, kafka, publisher, NAME, READ_MODELS) as commands:
    changed = await commands.run(telling([Told("HQ4276", "catalog", title="…")], now))
"""

from collections.abc import Sequence
from datetime import datetime

from libs.commands.command import Command, Work
from libs.products.merge import Told, product_id, told
from libs.read_models.products.project import READ_MODEL as PRODUCTS


def telling(news: Sequence[Told], at: datetime) -> Work[list[str]]:
    """Record what a source tells of products; the answer is the product_ids that changed. Raises NoSku.

    Of two that tell of one product, the first counts where both know. Some hundred at a time: their partitions are
    locked until all are published.
    """
    by_id: dict[str, Told] = {}
    for one in news:
        by_id.setdefault(product_id(one.sku), one)

    async def work(command: Command) -> list[str]:
        rows = await command.rows(PRODUCTS, sorted(by_id))
        changed = []
        for key, one in by_id.items():
            fact = told(rows.get(key), one, at)
            if fact is not None:
                command.record(PRODUCTS, fact)
                changed.append(key)
        return changed

    return work
