"""What `sellstream read-models` says: a proof, a status, a state of the past, each as lines of plain text."""

from collections.abc import Iterator, Mapping

from libs.bus.reader import Partition
from libs.projection.as_of import AsOf
from libs.projection.builds import Place
from libs.projection.diff import Diff
from libs.projection.proof import Proof
from libs.projection.status import BuildStatus, ModelStatus


def proof_lines(proof: Proof) -> Iterator[str]:
    """Both digests with rows and offsets, and what differs."""
    same = proof.live_version == proof.rebuilt_version
    yield f"At the offsets  {offsets(proof.offsets)}"
    yield f"live            sha256:{proof.live.value}  {proof.live.rows} rows, version {proof.live_version}"
    yield f"rebuilt         sha256:{proof.rebuilt.value}  {proof.rebuilt.rows} rows, version {proof.rebuilt_version}"
    if not same:
        yield "The versions differ: digests and rows are compared in the columns that both have."
    if proof.skipped:
        yield f"{proof.skipped} unreadable records were skipped (they are in the dead letters of the projector)."
    if proof.equal:
        yield "Equal: the live table is exactly what the log makes of it." if same else "Equal in those columns."
    elif proof.diff is not None:
        buckets = len(proof.live.differing_buckets(proof.rebuilt))
        yield f"Different, in {buckets} of 256 buckets:"
        yield from diff_lines(proof.diff)


def diff_lines(diff: Diff) -> Iterator[str]:
    """Counts, and the first few rows by key."""
    yield f"  {diff.added} rows added, {diff.removed} removed, {diff.changed} changed by a swap"
    for one in diff.named:
        yield f"  {one.kind:<8} {one.key}" + (f"  ({', '.join(one.columns)})" if one.columns else "")
    if diff.total > len(diff.named):
        yield f"  … and {diff.total - len(diff.named)} more"


def as_of_lines(found: AsOf, until: str) -> Iterator[str]:
    """Where the state of the past is, and how to remove it."""
    build = found.build
    assert build.target is not None
    yield f"{build.read_model} as of {until}: {found.digest.rows} rows in {build.schema}.{build.read_model}"
    yield f"At the offsets  {offsets(build.target)}"
    yield f"digest          sha256:{found.digest.value}"
    yield f"To remove it: DROP SCHEMA {build.schema} CASCADE;"


def status_lines(model: ModelStatus) -> Iterator[str]:
    """A block for each read model: it fits any width."""
    live = model.build(Place.LIVE)
    if live is None:
        yield f"{model.name}  version {model.version}, not begun: the projector has not run yet"
        return
    lag = "unknown: Kafka does not answer" if model.lag is None else str(model.lag)
    yield f"{model.name}  version {live.version}, {live.rows} rows, {live.skipped} records skipped, lag {lag}"
    if live.version != model.version:
        yield f"  this program has version {model.version}: run `sellstream read-models rebuild {model.name}`"
    for one in model.partitions:
        when = f"{one.last_applied_at:%Y-%m-%d %H:%M:%S} UTC" if one.last_applied_at else "never"
        end = "?" if one.log_end is None else one.log_end
        yield f"  {one.topic}:{one.partition:<4} next {one.next_offset:<10} end {end:<10} last applied {when}"
    for build in model.builds:
        if line := _copy(model, build):
            yield f"  {line}"


def offsets(vector: Mapping[Partition, int]) -> str:
    """As `--until` takes it."""
    return ",".join(f"{one}:{offset}" for one, offset in sorted(vector.items())) or "(no partition has been read yet)"


def _copy(model: ModelStatus, build: BuildStatus) -> str | None:
    table = f"{build.schema}.{model.name}"
    rows = "its table is gone" if build.rows is None else f"{build.rows} rows, {build.read} records read"
    began = f"begun {build.created_at:%Y-%m-%d %H:%M} UTC"
    since = f"since {build.placed_at:%Y-%m-%d %H:%M} UTC"
    return {
        Place.LIVE: None,
        Place.SHADOW: f"unfinished rebuild: {table}, version {build.version}, {rows}, {began}",
        Place.CHECK: f"verification: {table}, {rows}, {began}",
        Place.RETIRED: f"retired copy: {table}, version {build.version}, {rows}, {since}",
        Place.AS_OF: f"state of the past: {table}, {rows}" if build.rows is not None else None,
    }[build.place]
