"""StockX as a sales channel, by the commands of a running stockx_poller: published once, taken off."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.http import jwt
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.stockx.selling import StockXChannel
from libs.selling.channel import NotPublishable, NotYet, Wanted
from schemas.values import Money
from tests.ebay_account import QUICK
from tests.integration.test_stockx_poller import World, prepared
from tests.stockx_polling import KEY, USER, Poller, environment_of, serving


@pytest.fixture
async def opened(kafka, publisher, database_url) -> AsyncIterator[tuple[World, Poller]]:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        environment = await environment_of(world.shop, world.kafka, world.database)
        yield world, await stack.enter_async_context(serving(environment))


def selling(api: ApiClient, patience: float = 30) -> StockXChannel:
    return StockXChannel(api, lambda: jwt.issue(KEY, USER, timedelta(minutes=1)), "acme", patience=patience)


def pair(world: World, sku: str, amount: str = "150", **changes: Any) -> Wanted:
    told = {"quantity": 1, "payload": {"variantId": world.variants[0]}} | changes
    return Wanted(sku, "Nike Dunk Low Panda", price=Money(amount=Decimal(amount), currency="USD"), **told)


async def test_a_draft_is_listed_once_by_its_command_and_taken_off(opened):
    world, poller = opened
    async with ApiClient("stockx_commands", ApiSettings(base_url=poller.url, **QUICK)) as api:
        with pytest.raises(NotYet):
            await selling(api, patience=0).publish(pair(world, "SS-1"))
        channel = selling(api)
        listed = await channel.publish(pair(world, "SS-1"))
        again = await channel.publish(pair(world, "SS-1"))
        assert again == listed
        truth = await world.truth()
        assert [(one["listing_id"], one["status"]) for one in truth.values()] == [(listed.item_id, "ACTIVE")]
        with pytest.raises(NotPublishable, match="another price"):
            await channel.publish(pair(world, "SS-1", "160"))
        for change, words in (({"payload": {"variantId": "a b"}}, "variant_id"), ({"amount": "0"}, "amount")):
            with pytest.raises(NotPublishable, match=f"no StockX listing: .*{words}"):
                await channel.publish(pair(world, "SS-2", **change))
        with pytest.raises(NotPublishable, match="one pair"):
            await channel.publish(pair(world, "SS-2", quantity=2))
        with pytest.raises(NotPublishable, match="StockX refuses it"):
            await channel.publish(pair(world, "SS-3", payload={"variantId": "none-such"}))
        assert await channel.reprice(listed.item_id, pair(world, "SS-1", "170"))
        told = (await world.truth())[listed.item_id]
        assert (told["status"], Decimal(str(told["amount"]))) == ("ACTIVE", Decimal(170))
        with pytest.raises(NotPublishable, match="StockX refuses the price"):
            await channel.reprice("none-such", pair(world, "SS-1", "180"))
        await channel.take_off(listed.item_id)
        assert (await world.truth())[listed.item_id]["status"] == "INACTIVE"
        with suppress(NotPublishable):
            await channel.reprice(listed.item_id, pair(world, "SS-1", "190"))
        assert (await world.truth())[listed.item_id]["status"] == "INACTIVE", "what is off stays off"

        with pytest.raises(NotYet):
            await selling(api, patience=0).publish(pair(world, "SS-4"))
        with pytest.raises(NotYet):
            await selling(api, patience=0).withdraw("SS-4")
        for sku in ("SS-4", "SS-4", "SS-5"):  # a second time, and what was never published: nothing
            await channel.withdraw(sku)
        before = await world.truth()
        assert [one["status"] for one in before.values()] == ["INACTIVE", "INACTIVE"]
        back = await channel.publish(pair(world, "SS-4"))
        assert back == await channel.publish(pair(world, "SS-4")), "once, as ever"
        assert [one["status"] for name, one in (await world.truth()).items() if name not in before] == ["ACTIVE"]
        await channel.withdraw("SS-4")
        dearer = await channel.publish(pair(world, "SS-4", "155"))
        states = {name: one["status"] for name, one in (await world.truth()).items() if name not in before}
        assert states == {back.item_id: "INACTIVE", dearer.item_id: "ACTIVE"}
