"""The sandbox's European Central Bank over HTTP, read by the parser of the real files."""

from datetime import UTC, date, datetime
from decimal import Decimal

from libs.exchange_rates.ecb import DAILY, NINETY_DAYS, parse
from libs.exchange_rates.rates import ExchangeRates
from tests.integration.running_sandbox import sandbox


async def test_the_days_come_out_in_the_afternoon_and_not_on_weekends() -> None:
    async with sandbox(start=datetime(2026, 6, 5, 12, tzinfo=UTC)) as made:
        before = await made.get(f"/ecb{DAILY}")
        assert before.content_type == "text/xml"
        assert before.headers["Last-Modified"] == "Thu, 04 Jun 2026 15:00:00 GMT"
        assert [each.day for each in parse((await before.text()).encode())] == [date(2026, 6, 4)]
        for advance, newest in (
            (4 * 3600, date(2026, 6, 5)),
            (24 * 3600, date(2026, 6, 5)),
            (48 * 3600, date(2026, 6, 8)),
        ):
            await made.control("POST", "/_clock", {"advance_seconds": advance})
            answer = await made.get(f"/ecb{DAILY}")
            assert [each.day for each in parse((await answer.text()).encode())] == [newest]


async def test_the_ninety_day_file_reaches_back_ninety_days() -> None:
    async with sandbox(start=datetime(2026, 10, 31, tzinfo=UTC)) as made:
        days = parse((await (await made.get(f"/ecb{NINETY_DAYS}")).text()).encode())
        assert (days[0].day, days[-1].day) == (date(2026, 10, 30), date(2026, 8, 3))
        assert ExchangeRates(days).rate(date(2026, 10, 31), "EUR", "USD").value == Decimal("1.1172")


async def test_before_its_first_day_there_is_nothing_and_its_faults_are_ordered_like_a_marketplaces() -> None:
    async with sandbox(start=datetime(2025, 6, 5, tzinfo=UTC)) as made:
        assert (await made.get(f"/ecb{DAILY}")).status == 404
        assert (await made.get(f"/ecb{NINETY_DAYS}")).status == 404
        await made.control("POST", "/_faults", {"marketplace": "ecb", "kind": "outage", "status": 503})
        assert (await made.get(f"/ecb{DAILY}")).status == 503
