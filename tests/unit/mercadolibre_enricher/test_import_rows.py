"""Rows of imported files: each is an item, or refused with a reason; none stops the others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.mercadolibre.items import ITEM_ID
from services.mercadolibre_enricher.fallbacks.import_rows import Format, Unreadable, read_rows
from services.mercadolibre_enricher.fallbacks.seeds import PRIORITY, Seed, Source


def rows(folder: Path, text: str | bytes, form: Format = Format.CSV) -> list[tuple[int, Seed | None, str | None]]:
    file = folder / "items"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = list(read_rows(file, form))
    assert [row.bytes_read for row in found] == sorted(row.bytes_read for row in found)
    return [(row.number, row.seed, row.refused) for row in found]


def seed(item_id: str, account: str | None = None, priority: int = PRIORITY) -> Seed:
    return Seed(item_id, Source.IMPORT, account, priority)


def test_a_csv_with_all_columns_in_any_order_and_others_beside(tmp_path: Path) -> None:
    text = '\ufefftitle,Item_ID,priority,account\n"Tênis, 42",MLM1234567890,5,acme\nx,mlb-99,,\n'
    assert rows(tmp_path, text) == [(1, seed("MLM1234567890", "acme", 5), None), (2, seed("MLB99"), None)]


def test_jsonl_with_objects_or_ids_alone(tmp_path: Path) -> None:
    text = '{"item_id": "MLM1", "seller": {"id": 7}}\n\n"MLM2"\n'
    assert rows(tmp_path, text, Format.JSONL) == [(1, seed("MLM1"), None), (2, seed("MLM2"), None)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("MLBU123", "no item id"),
        ("", "no item id"),
        ("1234", "no item id"),
        ("MLM1,ac me", "account"),
        ("MLM1,acme,urgent", "priority"),
        ("MLM1,acme,-1", "priority"),
        ("MLM１", "no item id"),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_reason_and_the_next_is_read(
    tmp_path: Path, line: str, why: str
) -> None:
    (_, none, refused), (number, good, _) = rows(tmp_path, f"item_id,account,priority\n{line or ','}\nMLM2,,\n")
    assert none is None
    assert why in str(refused)
    assert (number, good) == (2, seed("MLM2"))


@pytest.mark.parametrize("line", ["{", "[1]", "7", "null", '{"item_id": 7}', "\ufffd", "[" * 100_000])
def test_a_line_that_is_no_item_is_refused(tmp_path: Path, line: str) -> None:
    (_, none, refused), (_, good, _) = rows(tmp_path, f'{line}\n"MLM2"\n', Format.JSONL)
    assert (none, good) == (None, seed("MLM2"))
    assert refused


def test_bytes_that_are_no_text_spoil_their_own_row_alone(tmp_path: Path) -> None:
    found = rows(tmp_path, b"item_id\nMLM\xff1\nMLM2\n")
    assert [one for _, one, _ in found] == [None, seed("MLM2")]


def test_a_file_without_the_column_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="item_id"):
        rows(tmp_path, "id,title\nMLM1,x\n")
    with pytest.raises(Unreadable, match="item_id"):
        rows(tmp_path, "")


@given(data=st.binary(max_size=300), form=st.sampled_from(Format))
def test_whatever_a_file_holds_its_rows_are_items_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, form: Format
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(b"item_id\n" + data if form is Format.CSV else data)
    for row in read_rows(file, form):
        assert (row.seed is None) == (row.refused is not None)
        assert row.seed is None or ITEM_ID.fullmatch(row.seed.item_id)


@pytest.mark.parametrize(("name", "form"), [("a.CSV", Format.CSV), ("a.ndjson", Format.JSONL), ("a.txt", None)])
def test_the_name_tells_the_format(name: str, form: Format | None) -> None:
    assert Format.of(Path(name)) is form
