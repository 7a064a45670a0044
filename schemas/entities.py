"""Every entity of the catalog, found by its file. The services' routes, read models and events follow from it.

An entity is one file, `schemas/<topic>/<noun>_changed.py`, that holds an `ENTITY`. No list names it: its file is the
one place that is touched to add one (infra/decisions/0020).
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from schemas.entity import Entity

_FOLDER = Path(__file__).parent


def _declared() -> list[Entity]:
    files = sorted(_FOLDER.glob("*/*_changed.py"))
    modules = [import_module(f"{__package__}.{file.parent.name}.{file.stem}") for file in files]
    return [module.ENTITY for module in modules if isinstance(getattr(module, "ENTITY", None), Entity)]


def in_order(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Each behind those that it refers to, else by name. Raises ValueError where references go round in a circle."""
    waiting = {entity.collection: entity for entity in sorted(entities, key=lambda one: one.collection)}
    found: list[Entity] = []
    while waiting:
        ready = [one for one in waiting.values() if not _needs(one) & waiting.keys() - {one.collection}]
        if not ready:
            raise ValueError(f"the references of {', '.join(waiting)} go round in a circle")
        found += ready
        for one in ready:
            del waiting[one.collection]
    return tuple(found)


def _needs(entity: Entity) -> set[str]:
    return {collection for reference in entity.references for collection in reference.collections}


ENTITIES: tuple[Entity, ...] = in_order(_declared())

BY_COLLECTION = {entity.collection: entity for entity in ENTITIES}
BY_FACT = {entity.fact: entity for entity in ENTITIES}


def referring_to(entity: Entity) -> tuple[Entity, ...]:
    """The entities whose rows can hold this one's number."""
    return tuple(
        other for other in ENTITIES if any(entity.collection in reference.collections for reference in other.references)
    )
