"""The records that are built by hand are the ones that the catalogue of events describes."""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.batch_writer import header, header_block
from libs.bus.message import Outgoing, message
from libs.marketplaces.contract import Notification
from schemas.values import format_time
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.webhook_gateway.records import Clock, webhook_id, webhook_record
from services.webhook_gateway.traces import Trace, random_digits

printable = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@given(
    notification=st.builds(Notification, printable, printable, printable, printable, st.none() | printable),
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda time: time.replace(tzinfo=UTC)),  # noqa: DTZ001
    kept=st.booleans(),
)
def test_a_webhooks_record_is_what_the_fact_says(notification: Notification, moment: datetime, *, kept: bool) -> None:
    identity, text = webhook_id("shop", notification)
    namespace = uuid5(NAMESPACE_URL, "urn:sellstream:webhook")
    assert UUID(text) == UUID(bytes=identity)
    assert text == str(uuid5(namespace, f"shop:{notification.account}:{notification.delivery_id}"))
    headers = [("http_x-shop-signature", b"proof")] if kept else []
    trace = Trace("0" * 32, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", b"a=b")
    at = round(moment.timestamp() * 1e6)
    record = webhook_record(
        "shop", notification, text, b"{}", [header(*one) for one in headers], Clock().text(at), at // 1000, trace
    )
    fact = WebhookReceivedV1(
        marketplace="shop",
        account=notification.account,
        delivery_id=notification.delivery_id,
        notification_topic=notification.topic,
        resource=notification.resource,
        subject=f"shop:{notification.account}:{notification.subject}",
        body=b"{}",
    )
    expected = message(
        Outgoing(fact, id=text, time=moment, headers=headers),
        source="/sellstream/webhook_gateway",
        cause=None,
        trace={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "tracestate": "a=b"},
    )
    assert (record.key, record.value, record.headers) == (
        expected.key,
        expected.value,
        header_block(expected.headers),
    )
    assert record.timestamp_ms == int(moment.timestamp() * 1000)


def test_a_record_is_the_same_after_thousands_of_other_topics() -> None:
    trace = Trace("0" * 100)

    def headers(topic: str) -> bytes:
        notification = Notification("main", "1", topic, "order-1")
        return webhook_record(
            "shop", notification, "0" * 36, b"{}", [], "2026-01-15T10:20:30.456789Z", 0, trace
        ).headers

    first = headers("orders")
    assert len({headers(str(number)) for number in range(3000)}) == 3000
    assert headers("orders") == first


def test_random_ids_are_uuids_of_version_4_and_all_different() -> None:
    made = {Trace(random_digits()).decision_id for _ in range(1000)}
    assert len(made) == 1000
    assert {UUID(one).version for one in made} == {4}
    assert {UUID(one).variant for one in made} == {"specified in RFC 4122"}


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=5))  # noqa: DTZ001
def test_the_clocks_text_is_the_time_to_the_microsecond(moments: list[datetime]) -> None:
    clock = Clock()
    for moment in (one.replace(tzinfo=UTC) for one in moments):
        assert clock.text(round(moment.timestamp() * 1e6)) == format_time(moment)
