"""The rules of an entity's declaration on one row: its workflow, its fields together, and what a deleted row keeps."""

from datetime import datetime
from typing import Any

from libs.commands.unified import NotPossible
from libs.read_models.entities import EntityRow, columns, fact_of
from schemas.entity import Entity, EntityFact, Workflow

_EMPTY: dict[Any, Any] = {str: "", dict[str, Any]: {}}


def created(entity: Entity, number: int, given: dict[str, Any], now: datetime) -> EntityFact:
    """A new row's state. Raises NotPossible."""
    fact = entity.fact.model_validate({**given, entity.id_field: number, "updated_at": now})
    workflow = entity.workflow
    if workflow is not None and (state := _state(workflow, fact)) not in workflow.starts:
        raise NotPossible(
            f"{entity.told(workflow.field)}: a new row cannot be {state!r}; allowed: {', '.join(workflow.starts)}"
        )
    return _checked(entity, fact)


def changed(entity: Entity, row: EntityRow, given: dict[str, Any], now: datetime) -> EntityFact:
    """A row's state with changes. Raises NotPossible."""
    before, after = fact_of(entity, row), fact_of(entity, row, **given, updated_at=now)
    workflow = entity.workflow
    if workflow is not None:
        old, new = _state(workflow, before), _state(workflow, after)
        allowed = workflow.steps[old]
        if new != old and new not in allowed:
            raise NotPossible(
                f"{entity.told(workflow.field)}: {old!r} cannot become {new!r}; allowed: "
                f"{', '.join(allowed) or 'nothing, it is the end'}"
            )
    return _checked(entity, after)


def deleted(entity: Entity, row: EntityRow, now: datetime) -> EntityFact:
    """The state of a row that is gone: personal data goes with it."""
    cleared = {
        name: None if column.nullable else _EMPTY[column.type]
        for name, column in columns(entity).items()
        if _is_personal(entity, name)
    }
    return fact_of(entity, row, **cleared, deleted=True, updated_at=now)


def _checked(entity: Entity, fact: EntityFact) -> EntityFact:
    try:
        entity.check(fact)
    except ValueError as error:
        raise NotPossible(str(error)) from error
    return fact


def _state(workflow: Workflow, fact: EntityFact) -> str:
    return str(getattr(fact, workflow.field))


def _is_personal(entity: Entity, name: str) -> bool:
    extra = entity.fact.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("x-personal-data"))
