"""The order desk on real Kafka and PostgreSQL: facts of marketplaces become the catalog's rows, each once."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.replay import EXTENSION
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.privacy.keys import Keys
from libs.privacy.sealer import Sealer
from libs.read_models import READ_MODELS
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from schemas.envelope import Envelope
from schemas.event import Fact
from schemas.messages.message_changed import Direction
from schemas.orders.order_changed import Buyer, OrderLine, OrderStatus
from schemas.questions.question_changed import QuestionStatus
from schemas.shipments.shipment_changed import Destination, ShipmentStatus
from tests.e2e.checks import records
from tests.facts import NOON, at, brl, buyers_message, order, question, shipment
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_order_desk import order_desk
from tests.projecting import projecting, scalar, until

KEY = new_key()


@dataclass
class Desk:
    """A catalog and a desk, and who tells them of marketplaces."""

    api: Catalog
    database: Database
    marketplace: Publisher
    kafka: KafkaSettings

    async def told(self, *facts: Fact) -> None:
        for fact in facts:
            await self.marketplace.publish(Outgoing(fact))

    async def row(self, collection: str, is_so: Callable[[dict[str, Any]], bool], **filters: Any) -> dict[str, Any]:
        """The newest row that is so, waited for."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            nonlocal found
            found = (await self.api.get(f"/{collection}", **filters)).json[collection]
            return any(map(is_so, found))

        await until(there, f"a row of {collection} {filters}")
        return next(one for one in found if is_so(one))

    async def count(self, topic: str) -> int:
        """How many facts a topic has."""
        return len(await records(self.kafka, topic))


@pytest.fixture
async def desk(database_url: str, kafka: KafkaSettings) -> AsyncIterator[Desk]:
    async with (
        Database(database_url, application="tests") as database,
        Publisher(kafka, "mercadolibre_enricher", seal=Sealer(Keys(database, Vault(read_keys(KEY))))) as marketplace,
    ):
        await migrate(database)
        async with catalog(database_url, kafka, secrets=KEY) as api, order_desk(database_url, kafka, KEY):
            yield Desk(api, database, marketplace, kafka)


async def listed(desk: Desk, item: str = "MLB1") -> int:
    """A product that is listed in Brazil, with an offer of a supplier; its number."""
    product = await desk.api.create("unifiedProducts")
    await desk.api.create(
        "sellListings",
        channel="mercadolibre",
        market="BR",
        channelItemId=item,
        currencyOriginal="BRL",
        fxRateToUsd="0.20",
        unifiedProductId=product,
    )
    return product


async def supplied(desk: Desk, product: int, **changes: Any) -> int:
    offer = await desk.api.create("buyOffers", **changes)
    await desk.api.create("productMatches", unifiedProductId=product, entityId=offer)
    return offer


def placed(number: int, minute: float = 0, status: OrderStatus = OrderStatus.PAID) -> Fact:
    return order(number, minute, status).model_copy(
        update={"buyer": Buyer(id="9", first_name="Ana", last_name="Lima"), "shipment_id": "81"}
    )


def sent(status: ShipmentStatus, minute: float, number: int = 81) -> Fact:
    return shipment(number, minute, status).model_copy(
        update={
            "order_ids": ["2000"],
            "tracking_number": f"BR{number}",
            "service": "Expresso",
            "destination": Destination(receiver_name="Ana Lima", address="Rua 1", city="Recife", country="BR"),
        }
    )


async def test_from_an_order_to_its_delivery_each_row_comes_by_itself_and_once(desk: Desk) -> None:
    product = await listed(desk)
    await supplied(desk, product, supplierName="Dear", buyCostUsd="140.00", leadTimeDays=1)
    await supplied(desk, product, supplierName="Good", buyCostUsd="100.00", leadTimeDays=3)
    await supplied(desk, product, supplierName="Slow", buyCostUsd="90.00", leadTimeDays=30)
    await supplied(desk, product, supplierName="Gone", buyCostUsd="80.00", isActive=False)
    await desk.api.create("costRules", channel="mercadolibre", market="BR", category="*", effectiveFrom="2020-01-01")
    await desk.told(placed(2000))

    row = await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_CONFIRMED")
    assert (row["channel"], row["market"], row["channelOrderId"]) == ("mercadolibre", "BR", "2000")
    assert (row["unifiedProductId"], row["quantity"], row["soldPriceUsd"]) == (product, 2, "150.00")
    assert row["buyerAddressJson"] == {"name": "Ana Lima"}
    number = row["marketplaceOrderId"]
    job = await desk.row("procurementJobs", lambda one: one["marketplaceOrderId"] == number)
    assert (job["supplierCandidate"], job["decision"]) == ("Good", "pending")
    # 150.00 less 15 % and 5 %, 0.30, 2 % of 8.00, 0.50 and 0.25: 118.79 for each of two.
    assert job["maxBuyCostUsd"] == "237.58"
    assert job["reason"] == (
        "Good sells it for 100.00 USD a unit within 3 days: the only offer within 118.79 USD and 7 days for 2 units. "
        "Left out: Gone is not active; Slow takes 30 days, 7 is the most; Dear costs 140.00 USD a unit, 118.79 is the "
        "most. It was sold for 150.00 USD, less 31.21 USD fees."
    )

    await desk.told(sent(ShipmentStatus.READY_TO_SHIP, 1))
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_PROCESSING")
    await desk.told(sent(ShipmentStatus.SHIPPED, 2))
    shipped = await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_SHIPPED")
    assert shipped["buyerAddressJson"] == {"name": "Ana Lima", "address1": "Rua 1", "city": "Recife", "country": "BR"}
    await desk.told(sent(ShipmentStatus.DELIVERED, 3))
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_DELIVERED")
    parcel = await desk.row("shipments", lambda one: one["status"] == "DELIVERED")
    assert (parcel["carrier"], parcel["serviceLevel"], parcel["trackingNumber"]) == ("Correios", "Expresso", "BR81")
    assert (parcel["labelRef"], parcel["marketplaceOrderId"]) == ("mercadolibre:81", number)
    assert (parcel["shippedAt"], parcel["deliveredAt"]) == (
        "2026-11-21T12:02:00.000000Z",
        "2026-11-21T12:03:00.000000Z",
    )
    raw = str(await scalar(desk.database, "SELECT string_agg(one::text, '') FROM read_models.marketplace_orders one"))
    assert "Ana" not in raw and "Rua" not in raw, "personal data is sealed"  # noqa: PT018

    told = {
        topic: await desk.count(topic) for topic in ("marketplace_orders", "marketplace_shipments", "procurement_jobs")
    }
    replay = Envelope("r", "/t", "t", NOON, "s", "d", extensions={EXTENSION: "20261121-1"})
    for fact in (placed(2000), sent(ShipmentStatus.SHIPPED, 2), sent(ShipmentStatus.DELIVERED, 3), placed(2000)):
        await desk.marketplace.publish(Outgoing(fact))
        await desk.marketplace.publish(Outgoing(fact), cause=replay)
    await desk.told(question(5))  # of another topic, but all of them are handled by now or soon
    await desk.row("messageTickets", lambda one: one["threadId"] == "question/5")
    other = placed(2001).model_copy(update={"shipment_id": "82"})  # parcel 81 would give it an address, now or later
    await desk.told(other)
    await desk.row("marketplaceOrders", lambda one: one["channelOrderId"] == "2001")
    await desk.row("procurementJobs", lambda one: one["marketplaceOrderId"] != number)
    rows = (await desk.api.get("/marketplaceOrders", channelOrderId="2000")).json["marketplaceOrders"]
    assert [one["status"] for one in rows] == ["ORDER_DELIVERED"], "an older state takes nothing back"
    assert await desk.count("marketplace_shipments") == told["marketplace_shipments"]
    assert await desk.count("marketplace_orders") == told["marketplace_orders"] + 1
    assert await desk.count("procurement_jobs") == told["procurement_jobs"] + 1


async def test_what_comes_too_early_waits_and_is_told_to_operators(desk: Desk) -> None:
    early = sent(ShipmentStatus.SHIPPED, 2).model_copy(update={"order_ids": []})  # the order says which parcel it is in
    await desk.told(early, placed(2000))

    async def waits(count: int) -> bool:
        return await scalar(desk.database, "SELECT count(*) FROM order_desk.waiting") == count

    await until(lambda: waits(2), "both wait")
    why = str(await scalar(desk.database, "SELECT string_agg(why, '; ') FROM order_desk.waiting"))
    assert "no sell listing of mercadolibre has the channelItemId MLB1" in why
    assert "Ana" not in str(await scalar(desk.database, "SELECT string_agg(fact::text, '') FROM order_desk.waiting"))
    product = await listed(desk)
    row = await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_SHIPPED")
    assert row["unifiedProductId"] == product
    await until(lambda: waits(0), "nothing waits any more")
    cancelled = await desk.api.create("marketplaceOrders", channelOrderId="A-1")
    await supplied(desk, product)  # a match that comes later serves the order that waits for it
    job = await desk.row("procurementJobs", lambda one: one["marketplaceOrderId"] == cancelled)
    assert (
        await desk.api.post("marketplaceOrders", {"action": 2, "id": cancelled, "status": "ORDER_CANCELLED"})
    ).values
    given_up = await desk.row("procurementJobs", lambda one: one["decision"] == "rejected")
    assert given_up["procurementJobId"] == job["procurementJobId"]
    assert given_up["reason"].startswith("The order was cancelled. Before: Walmart sells it for 650")


async def test_a_shipment_entered_by_hand_moves_its_order_by_documented_steps(desk: Desk) -> None:
    await desk.api.create("unifiedProducts")
    number = await desk.api.create("marketplaceOrders")
    label = await desk.api.create("shipments", marketplaceOrderId=number)
    other = await desk.api.create("shipments", marketplaceOrderId=number, trackingNumber="2", status="IN_TRANSIT")
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_SHIPPED")
    for state in ("PICKED_UP", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"):
        assert (await desk.api.post("shipments", {"action": 2, "id": label, "status": state})).values
    for state in ("OUT_FOR_DELIVERY", "DELIVERED"):
        row = (await desk.api.get(f"/marketplaceOrders/{number}")).json
        assert row["status"] == "ORDER_SHIPPED", "one of two parcels is still on its way"
        assert (await desk.api.post("shipments", {"action": 2, "id": other, "status": state})).values
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_DELIVERED")
    states = [fact["status"] for fact in await facts_of(desk, "marketplace_orders")]
    assert states == [f"ORDER_{one}" for one in ("NEW", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED")]


async def test_an_order_of_two_parcels_is_delivered_when_both_are(desk: Desk) -> None:
    await listed(desk)
    await desk.told(placed(2000))
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_CONFIRMED")
    for parcel in (81, 82):
        await desk.told(sent(ShipmentStatus.SHIPPED, 1, parcel))
        await desk.row("shipments", lambda one, label=f"mercadolibre:{parcel}": one["labelRef"] == label)  # type: ignore[misc]  # a default
    for parcel in (81, 82):
        await desk.told(sent(ShipmentStatus.DELIVERED, 2, parcel))
        delivered = f"mercadolibre:{parcel}", "DELIVERED"
        await desk.row("shipments", lambda one, it=delivered: (one["labelRef"], one["status"]) == it)  # type: ignore[misc]  # a default
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_DELIVERED")
    parcels, orders = [await facts_of(desk, topic) for topic in ("marketplace_shipments", "marketplace_orders")]
    both = [fact["updated_at"] for fact in parcels if fact["status"] == "DELIVERED"]
    (order_s,) = [fact["updated_at"] for fact in orders if fact["status"] == "ORDER_DELIVERED"]
    assert len(both) == 2
    assert order_s >= max(both)


async def facts_of(desk: Desk, topic: str) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in await records(desk.kafka, topic)]


async def test_buyers_words_open_tickets_with_a_suggested_reply(desk: Desk) -> None:
    await listed(desk)
    await desk.told(question(5, text="¿Cuándo llega el paquete?"))
    ticket = await desk.row("messageTickets", lambda one: one["threadId"] == "question/5")
    assert (ticket["channel"], ticket["market"], ticket["marketplaceOrderId"]) == ("mercadolibre", "BR", None)
    assert (ticket["customerMessage"], ticket["status"]) == ("¿Cuándo llega el paquete?", "pending")
    assert ticket["suggestedReply"].startswith("¡Hola! Enviamos poco después de la compra")
    answered = question(5, 1, QuestionStatus.ANSWERED, text="¿Cuándo llega el paquete?")
    await desk.told(answered.model_copy(update={"answer_text": "El martes.", "answered_at": at(1)}))
    done = await desk.row("messageTickets", lambda one: one["status"] == "resolved")
    assert done["finalReply"] == "El martes."

    await desk.told(placed(2000))
    order_row = await desk.row("marketplaceOrders", lambda one: True)
    message = buyers_message(1, text="Quando chega o pacote?")
    await desk.told(message, message)
    opened = await desk.row("messageTickets", lambda one: one["threadId"] == "2000")
    assert (opened["market"], opened["marketplaceOrderId"]) == ("BR", order_row["marketplaceOrderId"])
    assert opened["suggestedReply"].startswith("Olá! Seu pedido está em preparação")
    ours = buyers_message(2, 1, text="Amanhã.").model_copy(update={"direction": Direction.OUTGOING})
    await desk.told(ours)
    await desk.row("messageTickets", lambda one: one["threadId"] == "2000" and one["finalReply"] == "Amanhã.")
    broken = "Veio quebrado.\n\nQuero reembolso"
    await desk.told(buyers_message(3, 2, text=broken), message)
    again = await desk.row("messageTickets", lambda one: one["status"] == "responded")
    assert again["customerMessage"] == f"Quando chega o pacote?\n\n{broken}"
    assert again["suggestedReply"].startswith("Olá! Sentimos muito.")
    await desk.api.post("messageTickets", {"action": 2, "id": again["messageTicketId"], "status": "closed"})
    await desk.told(message, buyers_message(3, 2, text=broken), buyers_message(4, 3, text="E agora?"))
    late = await desk.row("messageTickets", lambda one: one["threadId"] == "2000#4")
    assert (late["status"], late["customerMessage"]) == ("pending", "E agora?")
    raw = str(await scalar(desk.database, "SELECT string_agg(one::text, '') FROM read_models.message_tickets one"))
    assert "pacote" not in raw
    assert len((await desk.api.get("/messageTickets")).json["messageTickets"]) == 3


async def test_killed_between_publishing_and_commit_the_desk_goes_on_and_nothing_is_there_twice(
    database_url: str, kafka: KafkaSettings
) -> None:
    """The desk's connections are cut again and again while orders come; each order gets one row and one job."""
    async with (
        Database(database_url, application="tests") as database,
        Publisher(kafka, "mercadolibre_enricher") as marketplace,
        Publisher(kafka, "projector") as calm,
    ):
        await migrate(database)
        async with catalog(database_url, kafka, secrets=KEY) as api:
            desk = Desk(api, database, marketplace, kafka)
            await supplied(desk, await listed(desk))
            numbers = range(3000, 3015)
            async with (
                projecting(READ_MODELS["marketplace_orders"], kafka, calm, database),
                projecting(READ_MODELS["procurement_jobs"], kafka, calm, database),
                order_desk(database_url, kafka, KEY),
            ):
                for number in numbers:
                    await desk.told(placed(number), placed(number))
                    await scalar(
                        database,
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                        "WHERE application_name = 'order_desk' AND state LIKE 'idle in transaction%'",
                    )

                async def all_there() -> bool:
                    jobs = await scalar(database, "SELECT count(*) FROM read_models.procurement_jobs")
                    return jobs == len(numbers)

                await until(all_there, "a purchase for each order", seconds=60)
                rows = await api.all_rows("marketplaceOrders")
                assert sorted(int(row["channelOrderId"]) for row in rows.values()) == list(numbers)


async def test_a_rejected_purchase_leads_to_the_next_best_offer_until_none_is_left(desk: Desk) -> None:
    product = await listed(desk)
    for supplier, cost, days in (("First", "90.00", 3), ("Second", "95.00", 5), ("Slow", "80.00", 30)):
        await supplied(desk, product, supplierName=supplier, buyCostUsd=cost, leadTimeDays=days)
    await desk.told(placed(2000))
    proposed = await desk.row("procurementJobs", lambda one: one["decision"] == "pending")
    assert proposed["supplierCandidate"] == "First"

    async def rejected(job: dict[str, Any], why: str) -> None:
        told = {"action": 2, "id": job["procurementJobId"], "decision": "rejected", "reason": why}
        assert (await desk.api.post("procurementJobs", told)).status == 200

    await rejected(proposed, "Sold out.")
    second = await desk.row("procurementJobs", lambda one: one["decision"] == "pending")
    assert second["supplierCandidate"] == "Second"
    assert second["reason"] == (
        "Second sells it for 95.00 USD a unit within 5 days: the only offer within 150.00 USD and 7 days for 2 units. "
        "Left out: Slow takes 30 days, 7 is the most. It was sold for 150.00 USD; no cost rule holds for mercadolibre. "
        "Rejected before: First."
    )
    assert (
        await desk.api.post("procurementJobs", {"action": 2, "id": second["procurementJobId"], "decision": "approved"})
    ).values
    await rejected(second, "They do not deliver there")  # an approved one may be rejected, too
    last = await desk.row("procurementJobs", lambda one: "No other offer" in one["reason"])
    assert last["procurementJobId"] == second["procurementJobId"]
    assert last["reason"] == (
        "They do not deliver there. No other offer is within cost and lead time. "
        "Left out: Slow takes 30 days, 7 is the most."
    )
    await supplied(desk, product, supplierName="Late", buyCostUsd="99.00", leadTimeDays=2)
    late = await desk.row("procurementJobs", lambda one: one["decision"] == "pending")
    assert (late["supplierCandidate"], late["marketplaceOrderId"]) == ("Late", proposed["marketplaceOrderId"])
    states = {
        one["supplierCandidate"]: one["decision"] for one in (await desk.api.all_rows("procurementJobs")).values()
    }
    assert states == {"First": "rejected", "Second": "rejected", "Late": "pending"}


def of_two_lines(number: int) -> Fact:
    """One product in two listings: a unit of the first for 100 USD, two of the second for 70 USD each."""
    lines = [
        OrderLine(item_id="MLB1", title="Tênis 42", quantity=1, unit_price=brl("500.00")),
        OrderLine(item_id="MLB2", title="Tênis 42", quantity=2, unit_price=brl("350.00")),
    ]
    return placed(number).model_copy(update={"lines": lines})


async def also_listed(desk: Desk, product: int) -> None:
    """The second listing of a product."""
    entered = {"channel": "mercadolibre", "market": "BR", "channelItemId": "MLB2", "unifiedProductId": product}
    await desk.api.create("sellListings", **entered, currencyOriginal="BRL", fxRateToUsd="0.20")


async def test_a_line_that_is_linked_later_corrects_its_order_and_the_purchase_follows(desk: Desk) -> None:
    product = await listed(desk)
    await supplied(desk, product, supplierName="Little", buyCostUsd="40.00", leadTimeDays=3, stockLevel=1)
    await supplied(desk, product, supplierName="Much", buyCostUsd="50.00", leadTimeDays=3)
    await desk.told(of_two_lines(2000), of_two_lines(2001))
    jobs = {}
    for number in ("2000", "2001"):
        row = await desk.row("marketplaceOrders", lambda one: True, channelOrderId=number)
        assert (row["quantity"], row["soldPriceUsd"]) == (1, "100.00"), "the other line has no listing yet"
        it = row["marketplaceOrderId"]
        jobs[number] = await desk.row("procurementJobs", lambda one, it=it: one["marketplaceOrderId"] == it)  # type: ignore[misc]  # a default
        assert (jobs[number]["supplierCandidate"], jobs[number]["maxBuyCostUsd"]) == ("Little", "100.00")
    decided = jobs["2001"]["procurementJobId"]
    assert (await desk.api.post("procurementJobs", {"action": 2, "id": decided, "decision": "approved"})).values

    await also_listed(desk, product)
    for number in ("2000", "2001"):
        row = await desk.row("marketplaceOrders", lambda one: one["quantity"] == 3, channelOrderId=number)
        assert row["soldPriceUsd"] == "80.00", "the average of a unit"
    anew = await desk.row("procurementJobs", lambda one: one["supplierCandidate"] == "Much")
    assert (anew["procurementJobId"], anew["decision"]) == (jobs["2000"]["procurementJobId"], "pending")
    assert anew["maxBuyCostUsd"] == "240.00"
    assert "for 3 units. Left out: Little has 1 of 3 in stock." in anew["reason"]
    told = await desk.row("procurementJobs", lambda one: "buy 2 more" in one["reason"])
    assert (told["procurementJobId"], told["decision"]) == (decided, "approved")
    assert told["reason"].endswith("The order is for 3 units now, this purchase was for 1: buy 2 more.")

    counted = [await desk.count(topic) for topic in ("marketplace_orders", "procurement_jobs")]
    await desk.told(of_two_lines(2000), of_two_lines(2001), placed(2002))
    last = await desk.row("marketplaceOrders", lambda one: True, channelOrderId="2002")
    await desk.row("procurementJobs", lambda one: one["marketplaceOrderId"] == last["marketplaceOrderId"])
    assert [await desk.count(topic) for topic in ("marketplace_orders", "procurement_jobs")] == [
        one + 1 for one in counted
    ], "what is corrected is left as it is"


async def test_a_shipped_order_that_is_cancelled_or_refunded_is_told_to_a_person_until_it_has_gone_on(
    desk: Desk,
) -> None:
    await listed(desk)
    numbers = {}
    for number, told in ((2000, OrderStatus.CANCELLED), (2001, OrderStatus.REFUNDED)):
        await desk.told(placed(number, 0, OrderStatus.SHIPPED), placed(number, 1, told))
        row = await desk.row("marketplaceOrders", lambda one: True, channelOrderId=str(number))
        numbers[number] = row["marketplaceOrderId"]

    async def waiting() -> dict[str, str]:
        rows = "SELECT jsonb_object_agg(fact->>'order_id', why)::text FROM order_desk.waiting"
        return dict(json.loads(str(await scalar(desk.database, rows) or "{}")))

    async def waits(*orders: int) -> bool:
        return set(await waiting()) == set(map(str, orders))

    await until(lambda: waits(2000, 2001), "both are told")
    why = await waiting()
    assert why["2000"].startswith(
        f"mercadolibre says that order 2000 is cancelled; marketplaceOrder {numbers[2000]}: it is ORDER_SHIPPED here, "
        "and no step leads from there to ORDER_CANCELLED. Have the parcel stopped"
    )
    assert "set the order's status to ORDER_DELIVERED or ORDER_RETURNED" in why["2001"]
    for number in (2000, 2001):
        returned = {"action": 2, "id": numbers[number], "status": "ORDER_RETURNED"}
        assert (await desk.api.post("marketplaceOrders", returned)).values
    await desk.row("marketplaceOrders", lambda one: one["status"] == "ORDER_REFUNDED", channelOrderId="2001")
    await until(waits, "what was settled waits no more")
    kept = (await desk.api.get("/marketplaceOrders", channelOrderId="2000")).json["marketplaceOrders"]
    assert [one["status"] for one in kept] == ["ORDER_RETURNED"]
    states = [fact["status"] for fact in await facts_of(desk, "marketplace_orders")]
    assert "ORDER_DELIVERED" not in states, "nobody said that it arrived"


async def test_the_same_words_written_again_open_a_resolved_ticket_and_the_same_message_does_not(desk: Desk) -> None:
    await listed(desk)
    await desk.told(buyers_message(1, text="Alô?"))

    async def ticket(text: str, status: str) -> int:
        found = await desk.row("messageTickets", lambda one: (one["customerMessage"], one["status"]) == (text, status))
        return int(found["messageTicketId"])

    number = await ticket("Alô?", "pending")
    await desk.api.post("messageTickets", {"action": 2, "id": number, "status": "resolved"})
    # The edited words come behind the repetition, in the same partition: it was handled, and added nothing.
    await desk.told(buyers_message(1, 1, text="Alô?"), buyers_message(1, 2, text="Alô, bom dia?"))
    assert await ticket("Alô?\n\nAlô, bom dia?", "pending") == number
    await desk.api.post("messageTickets", {"action": 2, "id": number, "status": "resolved"})
    await desk.told(buyers_message(2, 3, text="Alô?"))
    assert await ticket("Alô?\n\nAlô, bom dia?\n\nAlô?", "pending") == number
    # As after a kill between publishing and commit: the words are there, and only the note that precedes them.
    await scalar(desk.database, "UPDATE order_desk.messages SET added = false WHERE message_id = '2'")
    await desk.told(buyers_message(2, 3, text="Alô?"), buyers_message(2, 4, text="Tchau"))
    assert await ticket("Alô?\n\nAlô, bom dia?\n\nAlô?\n\nTchau", "pending") == number
