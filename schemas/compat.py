"""Whether a new form of a JSON Schema reads every datum written under an old one (BACKWARD in registry terms).

Two decisions make the verdict fit what people do:

- **Adding an optional property to an open object is compatible.** Strictly it is not: an open object allows anything
  under the new name. But the writers of a fact write only what its form declares, so an object whose schema has
  `properties` and does not mention `additionalProperties` counts, as the old form, as written with its declared
  properties only. A map (`additionalProperties` given, or no `properties`) does not: its keys come from outside.
- **A default may not change.** The validator does not mind, but an old fact without the field would be read
  differently.

The check is sound and not complete: what it cannot prove, it refuses, with the reason. It must be run against every
earlier form, not only the last (BACKWARD_TRANSITIVE): a property that was removed may not return with another type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any

from schemas.json_schema_subset import Alternative, Schema, Unjudgeable, canonical, expand, verify
from schemas.json_schema_values import accepts, describe


@dataclass(frozen=True, slots=True)
class Break:
    """One reason why an old datum may be refused: where in the data (JSON path), and what."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def is_backward(new: Schema, old: Schema) -> bool:
    """Whether a reader of the new form can read what was written under the old one."""
    return not breaks(new, old)


def is_forward(new: Schema, old: Schema) -> bool:
    """Whether a reader of the old form can read what is written under the new one."""
    return not breaks(old, new)


def breaks(new: Schema, old: Schema) -> tuple[Break, ...]:
    """Why a reader of `new` may refuse data written under `old`; empty if it reads all of it."""
    try:
        verify(old)
        verify(new)
        return tuple(dict.fromkeys(_Comparison(old, new).fits(old, new, "$", frozenset())))
    except Unjudgeable as error:
        return (Break("$", str(error)),)


_Assumed = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Comparison:
    old_document: Schema
    new_document: Schema

    def fits(self, old: Schema, new: Schema, path: str, assumed: _Assumed) -> list[Break]:
        """A recursive schema meets itself again: what is being proven may then be assumed."""
        pair = (id(old), id(new))
        if pair in assumed or new is True:
            return []
        assumed |= {pair}
        offers = expand(new, self.new_document)
        if not offers and old is not False:
            return [Break(path, "something was allowed here; the new form allows nothing")]
        found: list[Break] = []
        for wanted in expand(old, self.old_document):
            found += self._fits_one(wanted, offers, path, assumed)
        return found

    def _fits_one(self, wanted: Alternative, offers: list[Alternative], path: str, assumed: _Assumed) -> list[Break]:
        nearest: list[Break] | None = None
        for offer in offers:
            if offer.type != wanted.type and (wanted.type, offer.type) != ("integer", "number"):
                continue
            if offer.is_value:
                if wanted.is_value and canonical(offer.value) == canonical(wanted.value):
                    return []
                continue
            found = self._compare(wanted, offer, path, assumed)
            if not found:
                return []
            nearest = found if nearest is None or len(found) < len(nearest) else nearest
        if nearest is not None:
            return nearest
        allowed = ", ".join(sorted({describe(offer) for offer in offers})) or "nothing"
        return [Break(path, f"{describe(wanted)} was allowed; the new form allows only {allowed}")]

    def _compare(self, old: Alternative, new: Alternative, path: str, assumed: _Assumed) -> list[Break]:
        if old.is_value:
            problem = accepts(new, old)
            return [Break(path, problem)] if problem else []
        if old.type in ("integer", "number"):
            return _numbers(old, new, path)
        if old.type == "string":
            return _strings(old.rules, new.rules, path)
        if old.type == "array":
            return self._arrays(old.rules, new.rules, path, assumed)
        return self._objects(old.rules, new.rules, path, assumed)

    def _arrays(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str, assumed: _Assumed) -> list[Break]:
        found = _counts(old, new, path, "minItems", "maxItems")
        if new.get("uniqueItems", False) and not old.get("uniqueItems", False):
            found.append(Break(path, "repeated items were allowed and are no longer"))
        old_first, new_first = old.get("prefixItems", []), new.get("prefixItems", [])
        most = old.get("maxItems")
        for index in range(max(len(old_first), len(new_first))):
            if most is None or index < most:
                pair = [_at(side, first, index) for side, first in ((old, old_first), (new, new_first))]
                found += self.fits(pair[0], pair[1], f"{path}[{index}]", assumed)
        if most is None or most > max(len(old_first), len(new_first)):
            found += self.fits(old.get("items", True), new.get("items", True), f"{path}[*]", assumed)
        return found

    def _objects(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str, assumed: _Assumed) -> list[Break]:
        found = _counts(old, new, path, "minProperties", "maxProperties")
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                told = "was optional and is now required" if name in before else "is new and required: make it optional"
                found.append(Break(f"{path}.{name}", told))
        old_rest, new_rest = old.get("additionalProperties", True), new.get("additionalProperties", True)
        declared_only = "properties" in old and "additionalProperties" not in old
        for name, schema in after.items():
            at = f"{path}.{name}"
            if name in before:
                found += self.fits(before[name], schema, at, assumed)
                found += _defaults(before[name], schema, at)
            elif not declared_only or name in old.get("required", ()):
                found += self.fits(old_rest, schema, at, assumed)
        for name in sorted(before.keys() - after.keys()):
            found += self.fits(before[name], new_rest, f"{path}.{name}", assumed)
        found += self.fits(old_rest, new_rest, f"{path}.*", assumed)
        if "propertyNames" in new:
            names = old.get("propertyNames", {"type": "string"})
            found += self.fits(names, new["propertyNames"], f"{path} (names of fields)", assumed)
        return found


def _at(array: Mapping[str, Any], first: list[Schema], index: int) -> Schema:
    schema: Schema = first[index] if index < len(first) else array.get("items", True)
    return schema


def _defaults(old: Schema, new: Schema, path: str) -> list[Break]:
    if isinstance(old, bool) or isinstance(new, bool) or "default" not in old or "default" not in new:
        return []
    if canonical(old["default"]) == canonical(new["default"]):
        return []
    told = f"the default changed from {canonical(old['default'])} to {canonical(new['default'])}"
    return [Break(path, f"{told}: an old fact without the field would be read differently")]


def _numbers(old: Alternative, new: Alternative, path: str) -> list[Break]:
    found = []
    whole = old.type == "integer"
    for low, name in ((True, "lower"), (False, "upper")):
        before, after = _bound(old.rules, low, whole), _bound(new.rules, low, whole)
        if after is not None and (before is None or (before < after if low else before > after)):
            found.append(Break(path, f"the {name} bound is narrower than it was"))
    step = new.rules.get("multipleOf")
    if step is not None:
        was = old.rules.get("multipleOf", 1 if whole else None)
        if was is None or Fraction(str(was)) % Fraction(str(step)) != 0:
            found.append(Break(path, f"numbers that are no multiple of {step} were allowed and are no longer"))
    return found


def _bound(rules: Mapping[str, Any], low: bool, whole: bool) -> tuple[Fraction, bool] | None:
    """The stricter of an inclusive and an exclusive bound, ordered so that the greater one is stricter for a lower."""
    bounds = []
    kind = "Minimum" if low else "Maximum"
    if (inclusive := rules.get(kind.lower())) is not None:
        bounds.append((Fraction(str(inclusive)), not low))
    if (exclusive := rules.get(f"exclusive{kind}")) is not None:
        edge = Fraction(str(exclusive))
        if whole:  # above 0 is the same as from 1
            bounds.append((Fraction(floor(edge) + 1 if low else ceil(edge) - 1), not low))
        else:
            bounds.append((edge, low))
    return (max(bounds) if low else min(bounds)) if bounds else None


def _strings(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> list[Break]:
    found = _counts(old, new, path, "minLength", "maxLength")
    for keyword in ("pattern", "format"):
        before, after = old.get(keyword), new.get(keyword)
        if after is not None and after != before:
            was = f"was {before!r}" if before is not None else "is new"
            found.append(Break(path, f"the {keyword} {after!r} {was}: it cannot be proven to allow the same strings"))
    return found


def _counts(old: Mapping[str, Any], new: Mapping[str, Any], path: str, least: str, most: str) -> list[Break]:
    found = []
    if new.get(least, 0) > old.get(least, 0):
        found.append(Break(path, f"{least} rose from {old.get(least, 0)} to {new[least]}"))
    if most in new and (most not in old or new[most] < old[most]):
        found.append(Break(path, f"{most} fell from {old.get(most, 'unlimited')} to {new[most]}"))
    return found
