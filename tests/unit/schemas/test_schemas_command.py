"""`sellstream schemas` and `sellstream topics list`, as a person runs them."""

import json
from pathlib import Path

from typer.testing import CliRunner

from schemas import asyncapi
from schemas.documents import path, versions
from schemas.registry import EVENTS
from schemas.topics import FOLDER, topics
from services.ops.cli import app


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_export_writes_what_is_committed(tmp_path: Path) -> None:
    _run("schemas", "export", "--out", str(tmp_path))
    files = [*(path(version, FOLDER) for version in versions(EVENTS)), FOLDER / asyncapi.FILE]
    for file in files:
        assert (tmp_path / file.relative_to(FOLDER)).read_bytes() == file.read_bytes()
    assert "0 of them new or changed" in _run("schemas", "export", "--out", str(tmp_path))


def test_check_lists_every_event_version_and_the_document() -> None:
    table = _run("schemas", "check")
    for version in versions(EVENTS):
        assert f"{version.family.name}.v{version.number}" in table
    assert "AsyncAPI document" in table


def test_topics_list_is_the_system_map() -> None:
    text = _run("topics", "list")
    listed = json.loads(_run("topics", "list", "--json"))
    assert [row["topic"] for row in listed] == list(topics())
    for row in listed:
        assert f"{row['topic']}  ({row['partitions']} partitions, kept {row['retention']}" in text
        for service in (*row["producers"], *row["consumers"], *row["dead_letters"]):
            assert service in text
