"""Whether a record that is not sealed names somebody: the ids of persons and of their deals, as words of its text."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable

from libs.bus.message import Record

_BETWEEN = r"\s\"'\\,:;/{}\[\]()<>=&|#?"
_WORD = re.compile(rf"[^{_BETWEEN}]+")
_SEPARATED = re.compile(rf"[{_BETWEEN}]")
_ENDS = ".!"  # of a sentence
_OURS = "catalog"  # numbers of our own rows; whatever says them is sealed


class Names:
    """What these subjects (`ebay:jane_doe`, `ebay:order/12-345`) are called at their marketplaces, in any case."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self._words: dict[str, set[str]] = defaultdict(set)
        self._phrases: dict[str, set[str]] = defaultdict(set)
        self._marketplaces: set[str] = set()
        for subject in subjects:
            marketplace, _, called = subject.partition(":")
            name = called.rpartition("/")[2]
            if name and marketplace != _OURS:
                self._marketplaces.add(marketplace)
                for form in {name.casefold(), _in_json(name).casefold()}:
                    (self._phrases if _SEPARATED.search(form) else self._words)[form].add(marketplace)

    def __bool__(self) -> bool:
        return bool(self._words or self._phrases)

    def stand_in(self, record: Record) -> bool:
        """Whether the record's key, value or headers have one of the names, and are not of another marketplace."""
        headers = [(name, (value or b"").decode(errors="replace")) for name, value in record.headers]
        marketplace = next((value for name, value in headers if name == "ce_marketplace"), None)
        if marketplace is not None and marketplace not in self._marketplaces:
            return False
        parts = [(part or b"").decode(errors="replace") for part in (record.key, record.value)]
        text = "\n".join([*map(_unescaped, parts), *(value for _, value in headers)]).casefold()
        found = {one for word in set(_WORD.findall(text)) for one in self._of(word)}
        found |= {one for phrase, whose in self._phrases.items() if phrase in text for one in whose}
        return bool(found) if marketplace is None else marketplace in found

    def _of(self, word: str) -> set[str]:
        return self._words.get(word) or self._words.get(word.rstrip(_ENDS)) or set()


def _in_json(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)[1:-1]


def _unescaped(text: str) -> str:
    """JSON with as few escapes as it can have, so that one name has one form; anything else as it is."""
    if "\\" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
