"""The judge: from the evidence to a list of broken promises, each one a sentence. Nothing here can reach a system."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from tests.chaos.evidence import FACTS, MARK, REDRIVE_TO, REPLAY, REPLAYED_FROM, Delivery, Evidence, LogRecord
from tests.chaos.reference import PROJECTOR, fold, is_repetition

ENRICHER_LETTERS = "mercadolibre-enricher-dlt"
LETTERS = {"mercadolibre_enricher": ENRICHER_LETTERS, "projector": "projector-dlt"}
REFUSE_REPLAYS = {"mercadolibre_enricher"}
"""Who passes replays over without looking into them, because it has effects outside."""

KINDS = {
    "orders_v2": "orders",
    "shipments": "shipments",
    "payments": "payments",
    "questions": "questions",
    "items": "listings",
    "messages": "messages",
    "post_purchase": "claims",
    "orders feedback": "feedback",
    "invoices": "invoices",
}
"""MercadoLibre's topics whose notifications lead to a row, and the read model that it is in."""

_FEW = 5


def judge(evidence: Evidence) -> list[str]:
    """Every broken promise; empty when all is well."""
    return [problem for check in CHECKS for problem in check(evidence)]


def digest(value: bytes | None) -> str:
    return hashlib.sha256(value or b"").hexdigest()


def acknowledged_are_there_once(evidence: Evidence) -> Iterable[str]:
    """Guarantee 1 and 2: a delivery that was answered with success is in `webhooks` exactly once, byte for byte."""
    bodies: dict[int, set[str]] = defaultdict(set)
    acknowledged: set[int] = set()
    for delivery in evidence.deliveries:
        bodies[delivery.original] |= delivery.bodies
        if delivery.acknowledged:
            acknowledged.add(delivery.original)
    there = Counter(digest(record.value) for record in evidence.own("webhooks"))
    counts = {number: sum(there[body] for body in sent) for number, sent in bodies.items()}
    lost = sorted(number for number in acknowledged if counts[number] == 0)
    doubled = sorted(number for number, count in counts.items() if count > 1)
    if lost:
        yield f"acknowledged, but not in the topic: {_some(lost)} of {len(acknowledged)} deliveries"
    if doubled:
        yield f"in the topic more than once: deliveries {_some(doubled)}"


def delivery_ids_are_unique(evidence: Evidence) -> Iterable[str]:
    """No delivery identity, as the topic itself tells it, stands there twice."""
    identities = Counter(
        (record.header("ce_marketplace"), record.header("ce_account"), record.header("ce_deliveryid"))
        for record in evidence.own("webhooks")
    )
    doubled = [identity for identity, count in identities.items() if count > 1]
    if doubled:
        yield f"delivery ids more than once in the topic: {_some(doubled)}"


def nothing_is_invented(evidence: Evidence) -> Iterable[str]:
    """Every record in `webhooks` was sent by the sandbox; every fact names the webhook that led to it."""
    sent = {body for delivery in evidence.deliveries for body in delivery.bodies}
    strange = [record.place for record in evidence.own("webhooks") if digest(record.value) not in sent]
    if strange:
        yield f"in the topic, but never sent: {_some(strange)}"
    causes = {record.header("ce_id") for record in evidence.of("webhooks")}
    for topic in FACTS:
        orphans = [each.place for each in evidence.own(topic) if each.header("ce_causationid") not in causes]
        if orphans:
            yield f"facts without a webhook that led to them: {_some(orphans)}"


def keys_keep_their_partition(evidence: Evidence) -> Iterable[str]:
    """Order per key: all records of a key are in one partition, and the key is the subject."""
    for topic in ("webhooks", *FACTS):
        partitions: dict[bytes | None, set[int]] = defaultdict(set)
        for record in evidence.own(topic):
            partitions[record.key].add(record.partition)
            if (record.key or b"").decode(errors="replace") != record.header("ce_subject"):
                yield f"{record.place}: the key {record.key!r} is not the subject {record.header('ce_subject')!r}"
        torn = [key for key, found in partitions.items() if len(found) > 1]
        if torn:
            yield f"{topic}: keys in more than one partition: {_some(torn)}"


def deliveries_keep_their_order(evidence: Evidence) -> Iterable[str]:
    """Order per key: what was acknowledged before another delivery of its key was first sent stands before it."""
    sent: dict[int, datetime] = {}
    acknowledged: dict[int, datetime] = {}
    number: dict[str, int] = {}
    for delivery in evidence.deliveries:
        original = delivery.original
        number |= dict.fromkeys(delivery.bodies, original)
        if delivery.first_sent is not None:
            sent[original] = min(delivery.first_sent, sent.get(original, delivery.first_sent))
        if delivery.acknowledged_at is not None:
            acknowledged[original] = min(delivery.acknowledged_at, acknowledged.get(original, delivery.acknowledged_at))
    latest: dict[tuple[int, bytes | None], tuple[datetime, int]] = {}
    wrong: list[str] = []
    for record in evidence.own("webhooks"):  # in the order of the log
        known = number.get(digest(record.value))
        if known is None or known not in sent:
            continue
        lane = record.partition, record.key
        begun, earlier = latest.get(lane, (sent[known], known))
        if known in acknowledged and begun > acknowledged[known]:
            wrong.append(f"delivery {known} was acknowledged before {earlier} was sent, and stands behind it")
        latest[lane] = max((begun, earlier), (sent[known], known))
    if wrong:
        yield f"webhooks: deliveries out of order: {_some(wrong)}"


def offsets_have_no_gaps(evidence: Evidence) -> Iterable[str]:
    """Nothing was taken out of a topic or reordered in it: the offsets of each partition are 0, 1, 2, …"""
    for topic, records in evidence.records.items():
        offsets: dict[int, list[int]] = defaultdict(list)
        for record in records:
            offsets[record.partition].append(record.offset)
        torn = [number for number, found in offsets.items() if found != list(range(len(found)))]
        if torn:
            yield f"{topic}: offsets are not 0, 1, 2, … in partitions {_some(torn)}"


def rows_are_the_fold(evidence: Evidence) -> Iterable[str]:
    """Guarantee 2 and 5: each read model equals a fresh fold of its topic, by another's hand."""
    for topic in FACTS:
        readable: list[LogRecord] = []
        for record in evidence.of(topic):
            injection = evidence.injection(record)
            if injection is None or injection.fate == "readable":
                readable.append(record)
        try:
            expected = fold(topic, readable)
        except (AssertionError, KeyError, ValueError) as error:
            yield f"{topic}: a record that should be readable is not: {error!r}"
            continue
        rows = evidence.rows.get(topic, {})
        wrong = [key for key in sorted(expected.keys() | rows.keys()) if expected.get(key) != rows.get(key)]
        if wrong:
            told = "; ".join(f"{key}: folded {expected.get(key)}, row {rows.get(key)}" for key in wrong[:2])
            yield f"{topic}: {len(wrong)} rows are not the fold of the topic: {told}"


def rows_are_the_truth(evidence: Evidence) -> Iterable[str]:
    """An entity whose last notification was acknowledged is there, in the last state that the marketplace knows."""
    last: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in evidence.deliveries:
        if delivery.marketplace == "mercadolibre" and not delivery.poison and delivery.topic in KINDS:
            resource = delivery.resource.rstrip("/").removesuffix("/feedback")  # /orders/1/feedback
            entity = KINDS[delivery.topic], resource.rpartition("/")[2]
            if last[entity] and delivery.original > last[entity][-1].original:
                last[entity] = []
            if not last[entity] or delivery.original == last[entity][-1].original:
                last[entity].append(delivery)
    wrong: list[str] = []
    for (model, identity), deliveries in last.items():
        if not any(delivery.acknowledged for delivery in deliveries):
            continue
        truth = evidence.truth.get(model, {}).get(identity)
        row = evidence.rows.get(model, {}).get(f"mercadolibre:{identity}")
        found = None if row is None else (row.marketplace_status, row.amount if model != "shipments" else None)
        if truth is None or row is None or found != (truth.status, truth.amount):
            wrong.append(f"{model} {identity}: marketplace {truth}, row {found}")
        elif truth.changed not in (None, row.updated_at):
            wrong.append(f"{model} {identity}: marketplace {truth}, row of {row.updated_at}")
    if wrong:
        yield f"{len(wrong)} rows are not what the marketplace says: {'; '.join(sorted(wrong)[:_FEW])}"


def poison_has_its_dead_letter(evidence: Evidence) -> Iterable[str]:
    """Guarantee 3: what cannot be read is in the dead letters of who could not read it, with its original bytes."""
    letters = {name: _letters(evidence.of(topic)) for name, topic in LETTERS.items()}
    for topic in ("webhooks", *FACTS):
        for record in evidence.of(topic):
            injection = evidence.injection(record)
            if injection is None:
                continue
            for consumer in injection.consumers:
                found = letters[consumer].get(record.place, [])
                if injection.fate == "dead_letter" and _is_given(record, consumer) and not found:
                    yield f"{injection.kind} at {record.place} has no dead letter of {consumer}"
                if injection.fate != "dead_letter" and found:
                    yield f"{injection.kind} at {record.place} is readable, but in the dead letters of {consumer}"


def _is_given(record: LogRecord, consumer: str) -> bool:
    """Whether a consumer looks into a record: not one for somebody else, nor a replay that it refuses or has read."""
    refused = record.header(REPLAY) is not None and consumer in REFUSE_REPLAYS
    refused = refused or (consumer == PROJECTOR and is_repetition(record))
    return record.header(REDRIVE_TO) in (None, consumer) and not refused


def dead_letters_are_genuine(evidence: Evidence) -> Iterable[str]:
    """Every dead letter names a record that is there, and holds its key, its bytes and its headers."""
    for topic in LETTERS.values():
        for place, letters in _letters(evidence.of(topic)).items():
            origin = next((each for each in evidence.of(place[0]) if each.place == place), None)
            for letter in letters:
                if origin is None:
                    yield f"{letter.place} is about {place}, which does not exist"
                elif (letter.key, letter.value) != (origin.key, origin.value):
                    yield f"{letter.place} has not the key and bytes of {place}"
                elif missing := _own_headers(origin) - set(letter.headers):
                    yield f"{letter.place} has not all headers of {place}: {_some(sorted(missing))}"


def retries_repeat_dead_letters(evidence: Evidence) -> Iterable[str]:
    """What `dlq retry` put into a topic is a dead letter's record, for the consumer that failed, and no other."""
    known = {
        (place[0], digest(letter.value), name)
        for name, topic in LETTERS.items()
        for place, letters in _letters(evidence.of(topic)).items()
        for letter in letters
    }
    for topic in ("webhooks", *FACTS):
        for record in evidence.of(topic):
            target = record.header(REDRIVE_TO)
            if target is None or record.header(MARK) is not None or record.header(REPLAY) is not None:
                continue
            if (topic, digest(record.value), target) not in known:
                yield f"{record.place} was sent again to {target}, which has no such dead letter"


def replays_repeat_records(evidence: Evidence) -> Iterable[str]:
    """What `topics replay` put into a topic is a record of that topic once more, byte for byte, and says so."""
    for topic in ("webhooks", *FACTS):
        at = {f"{record.partition}:{record.offset}": record for record in evidence.of(topic)}
        for record in evidence.of(topic):
            if record.header(REPLAY) is None:
                continue
            origin = at.get(record.header(REPLAYED_FROM) or "")
            same = origin is not None and (origin.key, origin.value) == (record.key, record.value)
            if origin is None or not same or not _own_headers(origin) <= _own_headers(record):
                yield f"{record.place} is a replay of {record.header(REPLAYED_FROM)}, and not the same"
            elif record.header(REDRIVE_TO) is None or origin.header(REDRIVE_TO) is not None:
                yield f"{record.place} is a replay for everybody, or of a record that was itself sent again"


def nothing_is_stuck(evidence: Evidence) -> Iterable[str]:
    """Everybody is ready, has read to the end, and has nothing in hand."""
    yield from evidence.unwell


CHECKS: tuple[Callable[[Evidence], Iterable[str]], ...] = (
    acknowledged_are_there_once,
    delivery_ids_are_unique,
    nothing_is_invented,
    keys_keep_their_partition,
    deliveries_keep_their_order,
    offsets_have_no_gaps,
    rows_are_the_fold,
    rows_are_the_truth,
    poison_has_its_dead_letter,
    dead_letters_are_genuine,
    retries_repeat_dead_letters,
    replays_repeat_records,
    nothing_is_stuck,
)


def forgiven_letters(evidence: Evidence) -> list[str]:
    """Dead letters of good notifications: a fault at the marketplace outlasted the retries. An operator retries these.

    Their ids, as `sellstream dlq retry` takes them. One that was sent again already is not named twice.
    """
    good = {body for each in evidence.deliveries if not each.poison for body in each.bodies}
    again = {
        digest(each.value)
        for each in evidence.of("webhooks")
        if each.header(REDRIVE_TO) is not None and each.header(REPLAY) is None
    }
    return [
        f"mercadolibre_enricher:{letter.partition}:{letter.offset}"
        for letter in evidence.of(ENRICHER_LETTERS)
        if letter.header(MARK) is None and digest(letter.value) in good - again
    ]


def _letters(records: Iterable[LogRecord]) -> dict[tuple[str, int, int], list[LogRecord]]:
    """Dead letters by the place of the record that they are about, as their Connect-style headers tell it."""
    found: dict[tuple[str, int, int], list[LogRecord]] = defaultdict(list)
    for letter in records:
        origin = [letter.header(f"__connect.errors.{name}") for name in ("topic", "partition", "offset")]
        found[str(origin[0]), int(origin[1] or -1), int(origin[2] or -1)].append(letter)
    return found


def _own_headers(record: LogRecord) -> set[tuple[str, bytes]]:
    """The headers that a dead letter must keep: all but those of an earlier failure."""
    return {(name, value) for name, value in record.headers if name in ("content-type", MARK) or name.startswith("ce_")}


def _some(found: object) -> str:
    shown = list(found) if isinstance(found, Iterable) else [found]
    return json.dumps(shown[:_FEW], default=str) + (f" and {len(shown) - _FEW} more" if len(shown) > _FEW else "")
