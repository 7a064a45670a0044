"""The migrations' files."""

from pathlib import Path

import pytest

from libs.db.migrate import MigrationError, migrations


def test_our_own_are_in_order() -> None:
    names = [migration.name for migration in migrations()]
    assert names == sorted(names)
    assert names[0] == "0001_projection.sql"


@pytest.mark.parametrize(
    ("files", "reason"),
    [(["1_short.sql"], "NNNN_name.sql"), (["0001_a.sql", "0001_b.sql"], "the same number")],
)
def test_what_does_not_fit_is_told(tmp_path: Path, files: list[str], reason: str) -> None:
    for name in files:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=reason):
        migrations(tmp_path)
