"""What every read model must keep to, whoever writes it."""

import ast
import re
from pathlib import Path

import pytest

from libs.projection.model import AnyReadModel
from libs.read_models import READ_MODELS, entities
from libs.read_models.entities import EntityReadModel
from schemas.topics import topics

each_read_model = pytest.mark.parametrize("model", READ_MODELS.values(), ids=READ_MODELS)
WRITTEN = [model for model in READ_MODELS.values() if not isinstance(model, EntityReadModel)]
each_written_one = pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.name)
"""Those that are not derived from an entity's declaration."""

IMPURE = {"random", "secrets", "time", "uuid", "os", "socket", "asyncio", "aiohttp", "requests", "subprocess"}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}


@each_written_one
def test_it_is_a_folder_of_the_agreed_files(model: AnyReadModel) -> None:
    assert model.folder.name == model.name
    assert {path.name for path in model.folder.iterdir() if path.is_file()} == {
        "__init__.py",
        "table.sql",
        "project.py",
        "queries.py",
    }


@each_read_model
def test_table_and_row_have_the_same_columns(model: AnyReadModel) -> None:
    found = re.findall(r"^    ([a-z_]+) ", model.table_sql[: model.table_sql.index("\n);")], re.MULTILINE)
    assert set(found) == set(model.columns)


@each_read_model
def test_the_table_goes_into_the_schema_that_it_is_told(model: AnyReadModel) -> None:
    for statement in ("CREATE TABLE ", " ON "):
        for target in re.findall(rf"{statement}([^\s(]+)", model.table_sql):
            assert target == f"{{schema}}.{model.name}"
    for index in re.findall(r"CREATE (?:UNIQUE )?INDEX (\S+)", model.table_sql):
        assert index.startswith(f"{model.name}_")


@pytest.mark.parametrize(
    "source",
    [*(model.folder / "project.py" for model in WRITTEN), Path(entities.__file__)],
    ids=lambda path: path.parent.name,
)
def test_the_fold_knows_no_clock_no_chance_and_no_network(source: Path) -> None:
    tree = ast.parse(source.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not IMPURE & {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.split(".")[0] not in IMPURE
        if isinstance(node, ast.Attribute):
            assert node.attr not in CLOCKS
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await)


@each_read_model
def test_its_topics_are_declared_for_the_projector_and_kept_forever(model: AnyReadModel) -> None:
    for name in model.topics:
        topic = topics()[name]
        assert "projector" in topic.consumers
        assert topic.retention == "forever", "a read model can be rebuilt only from a topic that keeps everything"
        assert topic.cleanup_policy == "delete", "compaction would take the status history away"
