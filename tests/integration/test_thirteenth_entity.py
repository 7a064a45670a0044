"""A thirteenth entity is one new file: route, validation, workflow, facts, topic, read model, OpenAPI."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from libs.bus.settings import KafkaSettings

ROOT = Path(__file__).parents[2]

DECLARATION = '''
"""warehouse.changed: where goods lie."""

from enum import StrEnum

from pydantic import Field

from schemas.entity import NOT_NEGATIVE, Entity, EntityFact, Reference, Workflow


class WarehouseStatus(StrEnum):
    """Whether goods may come."""

    OPEN = "open"
    CLOSED = "closed"


class WarehouseChangedV1(EntityFact):
    """A warehouse was opened, changed, closed or deleted; this is all of it.

    Trigger: POST /warehouses. Key: `{warehouse_id}`.
    """

    warehouse_id: int
    code: str = Field(description="Our name of it")
    unified_product_id: int = Field(description="What lies there")
    capacity: int = Field(default=0, description="Pieces")
    status: WarehouseStatus = Field(description="Whether goods may come")

    def key(self) -> str:
        return str(self.warehouse_id)


ENTITY = Entity(
    "warehouses",
    noun="warehouse",
    topic="warehouses",
    fact=WarehouseChangedV1,
    summary="Where goods lie",
    unique=(("code",),),
    references=(Reference("unified_product_id", "unifiedProducts"),),
    workflow=Workflow("status", starts=("open",), steps={"open": ("closed",), "closed": ()}),
    bounds={"capacity": NOT_NEGATIVE},
    example={"code": "W-1", "unifiedProductId": 1, "capacity": 5, "status": "open", "action": "1"},
)
EVENT = ENTITY.event
'''


def tree(folder: Path) -> None:
    """The repository with one file more: its own `schemas`, everything else as it is."""
    shutil.copytree(ROOT / "schemas", folder / "schemas", ignore=shutil.ignore_patterns("__pycache__"))
    compiled = [one.name for one in ROOT.glob("*__mypyc*.so")]  # the library of what is compiled (libs/compiled.py)
    for name in ("libs", "services", "tests", "pyproject.toml", *compiled):
        (folder / name).symlink_to(ROOT / name)
    declared = folder / "schemas" / "warehouses" / "warehouse_changed.py"
    declared.parent.mkdir()
    declared.write_text(DECLARATION.lstrip())


async def run(folder: Path, *arguments: str, **environment: str) -> str:
    """What a program of that tree prints."""
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, errors = await process.communicate()
    assert process.returncode == 0, (told + errors).decode()[-4000:]
    return told.decode()


async def test_a_thirteenth_entity_is_one_new_file(tmp_path: Path, kafka: KafkaSettings, database_url: str) -> None:
    tree(tmp_path)
    cli = ("-m", "services.ops.cli", "schemas")
    exported = await run(tmp_path, *cli, "export")  # what `make schemas` runs
    made = tmp_path / "schemas" / "warehouses"
    assert {"__init__.py", "topic.yaml", "examples", "warehouse_changed.v1.schema.json"} <= {
        file.name for file in made.iterdir()
    }
    assert "asyncapi.json" in exported
    assert "warehouses" in json.loads((tmp_path / "schemas" / "asyncapi.json").read_text())["channels"]
    others = [line for line in exported.splitlines() if line.startswith("wrote") and "/warehouses/" not in line]
    assert [Path(line.split()[1]).name for line in others] == ["asyncapi.json"], "no other document changes"

    told, _ = await asyncio.gather(
        run(
            tmp_path,
            "-m",
            "tests.thirteenth_entity",
            DATABASE_URL=database_url,
            KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
            KAFKA_TOPIC_PREFIX=kafka.topic_prefix,
        ),
        run(tmp_path, *cli, "check"),
    )
    found = json.loads(told.splitlines()[-1])
    success = {"result": [{"value": "1", "msg": "success", "error": ""}]}
    assert found["created"] == found["moved"] == success
    assert found["again"] == "warehouses[0]: Constraint violation: code 'W-1' is taken: warehouseId 1 has it"
    assert "warehouses[0].unifiedProductId" in found["incomplete"]
    assert "warehouses[0].capacity" in found["unbounded"]
    assert "unifiedProductId 99" in found["unreferenced"]
    assert (
        found["impossible"] == "warehouses[0]: status: 'closed' cannot become 'open'; allowed: nothing, it is the end"
    )
    assert (found["read"]["warehouseId"], found["read"]["code"], found["read"]["status"]) == (1, "W-1", "closed")
    assert found["listed"] == ["W-1"]
    assert found["openapi"] == "Where goods lie"
    assert found["table"] == {"code": "W-1", "status": "closed", "capacity": 5}
    assert found["facts"] == ["open", "closed"]
    assert (found["event"], found["read_model"], found["consumers"]) == (
        "warehouse.changed",
        "warehouses",
        ["projector"],
    )
