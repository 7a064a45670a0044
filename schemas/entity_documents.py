"""What stands in an entity's folder beside its declaration, generated from it: topic.yaml, examples, `__init__.py`.

`minimal` has what a fact must have, `full` everything (both from the documented example); what fails lacks its number,
or gives a number, a time or a status that is none.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from schemas.entity import Entity, EntityFact

_AT = datetime(2026, 1, 26, 19, tzinfo=UTC)
_BASIS = 17


def documents(entity: Entity, folder: Path) -> dict[Path, str]:
    """Each file with its content, under the folder of all schemas."""
    own = folder / entity.topic
    prefix = f"{entity.event.name.replace('.', '_')}.v1"
    examples = {f"{case}.pass": data for case, data in _passing(entity).items()}
    examples |= {f"{case}.fail": data for case, data in _failing(entity).items()}
    return {own / "__init__.py": "", own / "topic.yaml": _topic(entity)} | {
        own / "examples" / f"{prefix}.{case}.json": json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        for case, data in examples.items()
    }


def example_fact(entity: Entity, number: int = 1) -> EntityFact:
    """The fact of the documented example, under a number."""
    told = {entity.told(name): name for name in entity.fields}
    given = {told[name]: _fact_value(value) for name, value in entity.example.items() if name in told}
    for name in entity.empty_means:
        given[name] = given[name] or entity.empty_means[name]
    return entity.fact.model_validate(given | {entity.id_field: number, "basis": _BASIS, "updated_at": _AT})


def _fact_value(value: Any) -> Any:
    """A documented value as a fact holds it: decimals as texts, JSON as the object, a time with its offset."""
    match value:
        case float():
            return str(value)
        case str() if value.startswith("{"):
            return json.loads(value)
        case str() if len(value) == len("2026-01-15T18:10:00") and value[10:11] == "T":
            return f"{value}Z"
    return value


def _passing(entity: Entity) -> dict[str, dict[str, Any]]:
    full: dict[str, Any] = json.loads(example_fact(entity).encode())
    required = {name for name, info in entity.fact.model_fields.items() if info.is_required()}
    return {"full": full, "minimal": {name: value for name, value in full.items() if name in required}}


def _failing(entity: Entity) -> dict[str, dict[str, Any]]:
    minimal = _passing(entity)["minimal"]
    cases = {
        "without-its-number": {name: value for name, value in minimal.items() if name != entity.id_field},
        "number-not-a-number": minimal | {entity.id_field: "first"},
        "time-not-a-time": minimal | {"updated_at": "yesterday"},
    }
    if entity.workflow is not None:
        cases["state-not-ours"] = minimal | {entity.workflow.field: "elsewhere"}
    return cases


def _topic(entity: Entity) -> str:
    told = {
        "description": f"{entity.summary}; each fact is a row's whole state.",
        "key": f"{{{entity.id_field}}}",
        "partitions": entity.partitions,
        "retention": "forever",
        "producers": list(entity.producers),
        "consumers": list(entity.consumers),
    }
    return yaml.safe_dump(told, sort_keys=False, default_flow_style=None, width=120)
