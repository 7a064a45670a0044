"""What a title says in so many words: measures, colours, variants, codes. A sentence model sees none of it sharply."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from libs.matching.lexicon import COLOURS, ENGLISH, PARTS, UNITS, VARIANTS

_INCHES = re.compile(r"(?<=\d)\s*(?:\"|''|”)")
_MEASURE = re.compile(
    r"(?<![a-z0-9.])(\d+(?:\.\d+)?)\s*-?\s*(" + "|".join(sorted(UNITS, key=len, reverse=True)) + r")(?![a-z0-9])"
)
_SIZE = re.compile(r"\b(?:size|talla|us|mens?|women)\s*(\d{1,2}(?:\.5)?)(?:y|w)?(?![a-z0-9])")
_PACK = re.compile(r"\b(?:pack|set)\s+(?:of\s+)?(\d+)\b")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th|a|da|ra|ta|va)\b")
_SERIES = re.compile(r"\bseries (\d{1,2})\b")
_NAMED_NUMBER = re.compile(r"\b([a-z]{3,})(\d{1,2})\b")
_STYLE = re.compile(r"\b([a-z]{2}\d{4})[- ](\d{3})\b")
_WORD = re.compile(r"[a-z0-9]+(?:\.\d+)?")
_DESIGNATION = re.compile(r"[a-z]{1,2}\d{1,2}|\d{1,2}[a-z]")


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """What was found. Sets are empty where the title says nothing."""

    words: frozenset[str]
    measures: Mapping[str, frozenset[str]]
    """Values by measure: {"bytes": {"128"}}."""
    colours: frozenset[str]
    variants: frozenset[str]
    parts: bool
    """It names something that goes with a product."""
    codes: frozenset[str]
    """Words of letters and digits, and long numbers: model numbers, style codes."""
    designations: frozenset[str]
    """Short names of a model within its range: M2, S24, C3, 3S."""
    numbers: frozenset[str]
    """Short numbers that are no measure: generations, series."""


def folded(text: str) -> str:
    """Small letters without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def canonical(title: str) -> str:
    """The title as it is read: small letters, no accents, seller's words replaced (`lexicon.ENGLISH`)."""
    text = _INCHES.sub(" inch ", folded(title)).replace("'", "").replace("wi-fi", "wifi")
    return re.sub(r"[a-z0-9]+", lambda found: ENGLISH.get(found[0], found[0]), text)


def facts(title: str) -> TitleFacts:
    """What a title (with attributes behind it, if there are any) says in so many words."""
    text = _SERIES.sub(r"s\1", _NAMED_NUMBER.sub(r"\1 \2", _ORDINAL.sub(r"\1 ", _STYLE.sub(r"\1\2", canonical(title)))))
    measures: dict[str, set[str]] = defaultdict(set)
    for pattern, measure in ((_SIZE, "size"), (_PACK, "pieces")):
        for found in pattern.finditer(text):
            measures[measure].add(_number(found[1]))
        text = pattern.sub(" ", text)
    for found in _MEASURE.finditer(text):
        measures[UNITS[found[2]]].add(_number(found[1]))
    text = _MEASURE.sub(" ", text)
    words = frozenset(_WORD.findall(text))
    alone = text.partition(" with ")[0]
    codes = _codes(text)
    return TitleFacts(
        words=words,
        measures={measure: frozenset(values) for measure, values in measures.items()},
        colours=frozenset(COLOURS[word] for word in words if word in COLOURS),
        variants=frozenset(VARIANTS[word] for word in words if word in VARIANTS),
        parts=not PARTS.isdisjoint(_WORD.findall(alone)),
        codes=frozenset(codes),
        designations=frozenset(word for word in words if _DESIGNATION.fullmatch(word)),
        numbers=frozenset(_number(word) for word in words if word.isdigit() and len(word) <= 4),
    )


def _codes(text: str) -> set[str]:
    """Model numbers; the parts of one may be joined by hyphens, or not."""
    joined = re.sub(r"(?<=[a-z0-9])-(?=[a-z0-9])", "", text)
    return {word for word in _WORD.findall(joined) if _is_code(word)}


def _is_code(word: str) -> bool:
    digits = sum(character.isdigit() for character in word)
    if "." in word or len(word) < 4:
        return False
    return len(word) >= 5 if digits == len(word) else digits >= 2


def _number(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text.lstrip("0") or "0"
