"""The bank's file: read exactly, or not at all."""

from datetime import date
from decimal import Decimal

import pytest

from libs.exchange_rates.ecb import Malformed, parse

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank</gesmes:name>
	</gesmes:Sender>
	<Cube>
		<Cube time='2026-10-29'>
			<Cube currency='USD' rate='1.1130'/>
			<Cube currency='JPY' rate='175.92'/>
		</Cube>
		<Cube time='2026-10-30'>
			<Cube currency='USD' rate='1.1172'/>
			<Cube currency='JPY' rate='175.68'/>
		</Cube>
	</Cube>
</gesmes:Envelope>
"""


def test_the_days_are_read_newest_first_and_to_the_digit() -> None:
    newest, older = parse(FILE.encode())
    assert (newest.day, older.day) == (date(2026, 10, 30), date(2026, 10, 29))
    assert newest.per_euro == {"USD": Decimal("1.1172"), "JPY": Decimal("175.68")}
    assert str(older.per_euro["USD"]) == "1.1130"


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("European Central Bank", "European Central Blank"),
        ("Reference rates", "Other rates"),
        ("2002-08-01/eurofxref", "2030-01-01/eurofxref"),
        ("rate='1.1172'", "rate='1,1172'"),
        ("rate='1.1172'", "rate='0.0000'"),
        ("rate='1.1172'", "rate='-1'"),
        ("rate='1.1172'", "rate='NaN'"),
        ("rate='1.1172'", "rate='1e3'"),
        ("rate='1.1172'", "value='1.1172'"),
        ("rate='1.1172'", "rate='1.1172' unit='2'"),
        ("currency='JPY' rate='175.68'", "currency='USD' rate='175.68'"),
        ("currency='JPY' rate='175.68'", "currency='EUR' rate='1'"),
        ("currency='JPY' rate='175.68'", "currency='jpy' rate='1'"),
        ("time='2026-10-30'", "time='2026-10-29'"),
        ("time='2026-10-30'", "time='2026-02-30'"),
        ("time='2026-10-30'", "time='20261030'"),
        ("time='2026-10-30'", "day='2026-10-30'"),
        ("</gesmes:Envelope>", "</gesmes:Envelop>"),
        ("<Cube currency='USD' rate='1.1172'/>", "<Cube currency='USD' rate='1.1172'><Cube/></Cube>"),
        ("?>\n<gesmes", '?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n<gesmes'),
    ],
)
def test_a_file_that_differs_is_refused_whole(there: str, instead: str) -> None:
    assert there in FILE
    with pytest.raises(Malformed):
        parse(FILE.replace(there, instead, 1).encode())


@pytest.mark.parametrize("document", [b"", b"<html/>", b"\xff\xfe", b"null"])
def test_what_is_no_such_file_is_refused(document: bytes) -> None:
    with pytest.raises(Malformed):
        parse(document)


def test_entities_that_grow_without_end_are_refused_before_they_grow() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><x>&l8;</x>'
    with pytest.raises(Malformed, match="document type"):
        parse(bomb.encode())


def test_a_day_without_rates_is_refused() -> None:
    head, _, rest = FILE.partition("<Cube time='2026-10-29'>")
    _, _, tail = rest.partition("</Cube>\n")
    with pytest.raises(Malformed, match="time and rates"):
        parse(f"{head}<Cube time='2026-10-29'></Cube>{tail}".encode())
