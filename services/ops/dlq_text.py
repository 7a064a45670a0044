"""Dead letters as text for people and for programs. What senders wrote is shown harmless: no control characters."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from libs.bus.dead_letter import CONNECT, without_marks
from libs.db.dead_letter_actions import Action, Decided
from services.ops.dead_letters import MOST_REPLAYS, Letter
from services.ops.effects import EFFECTS
from services.ops.terminal import harmless

SHOWN_VALUE = 4_000
SHOWN_BYTES = 256
_ROW = 16
_REASONS, _REASON = 5, 200
"""How many different reasons a plan tells of one target, and how much of each."""

OUTCOMES = "libs.bus.outcome"  # the exceptions by which handlers decide
_TRACE = f"{CONNECT}exception.stacktrace"


def list_lines(found: Iterable[Letter], width: int | None) -> list[str]:
    """Two lines for each: what it is, and why. They fit any width; `width` None cuts nothing."""
    lines = []
    for letter in found:
        told = letter.dead
        failed = _short_time(told.first_failed_at)
        lines.append(_cut(f"{told.id}  {told.error_class}  {failed}  {_origin(letter)}", width))
        if letter.state != "open":
            lines.append(_cut(f"    {letter.state}", width))
        lines.append(_cut(f"    {_why(letter)}", width))
    return lines


def counted(found: Iterable[Letter]) -> str:
    """How many of which consumer and class."""
    classes = Counter((letter.dead.consumer, letter.dead.error_class) for letter in found)
    return ", ".join(f"{count} {error_class} of {name}" for (name, error_class), count in sorted(classes.items()))


def show_lines(letter: Letter) -> list[str]:
    """Everything about one dead letter; a long value is cut, and what is not text is shown as bytes."""
    told, record = letter.dead, letter.dead.record
    facts = {
        "state": letter.state,
        "consumer": told.consumer,
        "class": told.error_class,
        "why": _why(letter),
        "from": _origin(letter),
        "failed first": told.first_failed_at,
        "attempts": str(told.attempts),
        "retried before": _times(told.replays),
    }
    lines = [told.id, *(f"  {name:<15} {harmless(text)}" for name, text in facts.items())]
    if letter.decided and letter.decided.target:
        lines.append(f"  {'retried as':<15} {':'.join(str(part) for part in letter.decided.target)}")
    lines += ["", f"key    {_header(record.key)}", f"value  {_size(record.value)}"]
    if record.value:
        lines += value_lines(record.value, f"sellstream dlq show --raw {told.id}")
    lines += ["", "headers"]
    lines += [f"  {harmless(name)}: {_header(value)}" for name, value in without_marks(record.headers)]
    trace = dict(record.headers).get(_TRACE)
    if trace:
        text = harmless(trace.decode(errors="replace").rstrip(), lines=True)
        lines += ["", "trace", *(f"  {line}" for line in text.split("\n"))]
    return lines


def value_lines(value: bytes, whole: str) -> list[str]:
    """The value as JSON, as text, or as bytes; `whole` is the command that gives all of it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        shown = [value[at : at + _ROW] for at in range(0, min(len(value), SHOWN_BYTES), _ROW)]
        lines = [f"  {number * _ROW:08x}  {row.hex(' '):<47}  {_ascii(row)}" for number, row in enumerate(shown)]
        return lines + ([f"  … {len(value)} bytes in all: {whole}"] if len(value) > SHOWN_BYTES else [])
    if len(value) <= SHOWN_VALUE * 10:
        with suppress(ValueError, RecursionError):  # what is no JSON is shown as the text that it is
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    lines = [f"  {line}" for line in harmless(text[:SHOWN_VALUE], lines=True).split("\n")]
    return lines + ([f"  … {len(value)} bytes in all: {whole}"] if len(text) > SHOWN_VALUE else [])


def as_json(letter: Letter, *, content: bool = False) -> str:
    """One line of JSON; with `content` also key, headers and value, bytes in base64."""
    told, decided = letter.dead, letter.decided
    data: dict[str, object] = {
        "id": told.id,
        "state": _state(letter),
        "quarantined": letter.quarantined,
        "repeats": letter.repeats,
        "consumer": told.consumer,
        "topic": told.topic,
        "partition": told.partition,
        "offset": told.offset,
        "first_failed_at": told.first_failed_at,
        "class": told.error_class,
        "exception": told.exception,
        "message": told.message,
        "attempts": told.attempts,
        "replays": told.replays,
        "decided": decided and _decided(decided),
    }
    if content:
        record = told.record
        data |= {
            "key_base64": _base64(record.key),
            "value_base64": _base64(record.value),
            "headers": [[name, _base64(value)] for name, value in record.headers],
        }
    return json.dumps(data)


def plan_lines(action: Action, chosen: Sequence[Letter], left: Sequence[Letter]) -> list[str]:
    """What would be done: how many, where to, why they failed, what it does outside; and what is left alone."""
    lines = [f"{action}: {_count(chosen)}"]
    targets: dict[tuple[str, str, str], Counter[str]] = {}
    for one in chosen:
        reasons = targets.setdefault((one.dead.consumer, one.dead.topic, one.dead.error_class), Counter())
        reasons[harmless(_why(one))[:_REASON]] += 1
    for (consumer, topic, error_class), reasons in sorted(targets.items()):
        told = f"back to {topic}, for {consumer} only" if action == "retry" else f"of {consumer}, from {topic}"
        lines.append(f"  {reasons.total():>6}  {error_class:<11} {harmless(told)}")
        lines += [f"          {count:>6}  {reason}" for reason, count in reasons.most_common(_REASONS)]
        if (others := len(reasons) - _REASONS) > 0:
            lines.append(f"{'':18}and {others} other reasons (`sellstream dlq list`)")
    if action == "retry" and chosen:
        for consumer in sorted({consumer for consumer, _, _ in targets}):
            lines.append(f"Effects outside: {harmless(consumer)} {EFFECTS.get(consumer, 'has none')}.")
        lines.append("They keep their event ids.")
    if left:
        lines.append(
            f"{_count(left)} in quarantine, retried {MOST_REPLAYS} times or more, left alone (--force takes them too)."
        )
    return lines


def history_lines(rows: Iterable[Decided], names: dict[str, str]) -> list[str]:
    """Two lines for each action, newest first; `names` are the consumers of the dead-letter topics."""
    lines = []
    for row in rows:
        name = f"{names.get(row.place[0], row.place[0])}:{row.place[1]}:{row.place[2]}"
        end = "not completed, still open" if row.completed_at is None else ""
        if row.completed_at is not None and row.completed_by != row.who:
            end = f"finished by {row.completed_by}"
        if row.target is not None:
            end = f"{end + ', ' if end else ''}as {':'.join(str(part) for part in row.target)}"
        lines.append(f"{row.decided_at:%Y-%m-%d %H:%M:%SZ}  {row.action:<7}  {name}  by {harmless(row.who)}")
        lines.append(f"    {harmless(row.why)}" + (f"  ({end})" if end else ""))
    return lines


def history_json(row: Decided, names: dict[str, str]) -> str:
    """One action as a line of JSON."""
    return json.dumps({"id": f"{names.get(row.place[0], row.place[0])}:{row.place[1]}:{row.place[2]}", **_decided(row)})


def _state(letter: Letter) -> str:
    if letter.repeats is not None:
        return "repeated"
    if letter.decided is None or letter.decided.completed_at is None:
        return "open"
    return "retried" if letter.decided.action == "retry" else "discarded"


def _decided(row: Decided) -> dict[str, object]:
    return {
        "action": row.action,
        "who": row.who,
        "why": row.why,
        "decided_at": row.decided_at.isoformat(),
        "completed_at": row.completed_at and row.completed_at.isoformat(),
        "completed_by": row.completed_by,
        "target": row.target and list(row.target),
    }


def _origin(letter: Letter) -> str:
    return f"{letter.dead.topic}:{letter.dead.partition}:{letter.dead.offset}"


def _why(letter: Letter) -> str:
    """The error's text; its class too, where that says more than that a handler decided so."""
    module, _, kind = letter.dead.exception.rpartition(".")
    return letter.dead.message if module == OUTCOMES else f"{kind or 'error'}: {letter.dead.message}"


def _count(found: Sequence[Letter]) -> str:
    return "1 dead letter" if len(found) == 1 else f"{len(found)} dead letters"


def _times(count: int) -> str:
    return "once" if count == 1 else "never" if count == 0 else f"{count} times"


def _short_time(text: str) -> str:
    return f"{text[:10]} {text[11:19]}Z" if len(text) >= 19 else text or "at an unknown time"


def _size(value: bytes | None) -> str:
    return "(none)" if value is None else f"{len(value)} bytes"


def _header(value: bytes | None) -> str:
    if value is None:
        return "(none)"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "0x" + value.hex()
    return harmless(text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}… ({len(value)} bytes)")


def _cut(line: str, width: int | None) -> str:
    line = harmless(line)
    return line if width is None or len(line) <= width else line[: width - 1] + "…"


def _ascii(row: bytes) -> str:
    return "".join(chr(one) if 32 <= one < 127 else "." for one in row)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
