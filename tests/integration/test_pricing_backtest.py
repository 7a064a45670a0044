"""`sellstream pricing backtest` over real topics."""

import asyncio
import os
import re
import sys
from datetime import timedelta
from decimal import Decimal

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from schemas.channels import Channel
from schemas.entities import BY_COLLECTION
from schemas.entity_documents import example_fact
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.values import Money
from tests.facts import NOON


def usd(amount: int) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


async def command(kafka: KafkaSettings, *options: str) -> tuple[int, str]:
    environment = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "KAFKA_TOPIC_PREFIX": kafka.topic_prefix}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.ops.cli", "pricing", "backtest", "--sku", "HQ4276", "--size", "9", *options),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_a_rule_is_replayed_over_the_stored_facts(kafka: KafkaSettings, publisher: Publisher) -> None:
    rule = example_fact(BY_COLLECTION["costRules"]).model_copy(update={"channel": Channel.STOCKX, "category": "*"})
    await publisher.publish(Outgoing(rule))
    # What the catalog refuses now may stand in the topic from earlier days.
    unusable = {"cost_rule_id": 2, "fee_percent": Decimal("0.1234567")}
    await publisher.publish(Outgoing(rule.model_copy(update=unusable)))
    await publisher.send("cost_rules", b"3", b"not a fact", [])
    known = {"sku": "HQ4276", "size": "9", "product_id": "p", "variant_id": "v"}
    for day, ask in enumerate((150, 120)):
        at = NOON + timedelta(days=day)
        market = MarketDataRecordedV1(platform="stockx", updated_at=at, lowest_ask=usd(ask), **known)
        await publisher.publish(Outgoing(market))
    for day, price, withdrawn in ((0.5, 149, False), (1.5, 110, False), (1.6, 200, True)):
        at = NOON + timedelta(days=day)
        told = {"source": "notion", "source_id": str(day), "user_id": "1", "marketplace": "stockx"}
        sale = RecordedSaleChangedV1(**known, **told, price=usd(price), sold_at=at, withdrawn=withdrawn, updated_at=at)
        await publisher.publish(Outgoing(sale))
    status, output = await command(kafka, "--cost", "50", "--start", "160", "--undercut", "1", "--minimum", "90")
    assert status == 0, output
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines() if "│" in line]
    assert rows == [
        ["what happened", "2", "259.00", "104.78"],
        ["with the rule", "1", "149.00", "67.99"],
        ["difference", "-1", "-110.00", "-36.79"],
    ]
    assert "Left out, because nothing can be computed from it: 2 of cost_rules." in output
    assert re.search(r"cost_rules, partition \d, offset \d+: fee_percent is 0.1234567: it may have at most six", output)
    assert len(re.findall(r"  cost_rules, partition \d, offset \d+: ", output)) == 2, output
    assert "2 recorded moments, 1 changes of the price, from 119.00 to 149.00 USD." in output
    for wrong, said in (
        (("--undercut", "1"), "needs minimum_usd or least_profit_usd"),
        (("--minimum", "90"), "Say either --undercut or --follow."),
        (("--undercut", "x", "--minimum", "90"), "An amount is no number"),
    ):
        status, output = await command(kafka, "--cost", "50", "--start", "160", *wrong)
        assert (status, said in output) == (1, True), output
