"""What cannot be told costs no answer: a full disk behind the log, a log that fails; the counts go on."""

import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.webhook_gateway.lines import Lines
from tests.unit.webhook_gateway.shop import body_of, gateway_running, sign
from tests.unit.webhook_gateway.wire import post, say, statuses

ROUNDS, OF_ROUND = 6, 200
"""Together more than recorder and lines collect before they tell in the turn of an answer; a round has room to wait."""


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def lines(first: int, count: int) -> list[str]:
    return [f'{{"number": {number}}}\n' for number in range(first, first + count)]


class Disk(io.StringIO):
    """A stream that takes nothing while the disk is full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def a_round(name: str) -> bytes:
    """Requests with new deliveries, one behind the other."""
    bodies = [body_of(f"{name} {number}") for number in range(OF_ROUND)]
    return b"".join(
        post("/webhooks/shop", body, f"X-Shop-Signature: {sign(body)}", close=body is bodies[-1]) for body in bodies
    )


def defect(lines: list[str]) -> None:
    raise RuntimeError(f"{len(lines)} lines are not put anywhere")


@pytest.fixture
def full() -> Iterator[Lines]:
    """The log on a full disk."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream, Path(os.devnull).open("w", encoding="utf-8") as empty:
        lines = Lines(stream)
        yield lines
        lines.flush()
        os.dup2(empty.fileno(), stream.fileno())  # or not even closing it would succeed


@pytest.mark.parametrize("failing", ["a full disk", "a defect"])
async def test_every_delivery_is_answered_counted_and_decided_whatever_the_log_does(full: Lines, failing: str) -> None:
    put_lines = full.put if failing == "a full disk" else defect
    delivered = {"marketplace": "shop", "decision": "accepted", "reason": ""}
    before = counted("gateway_deliveries_total", **delivered)
    timed = counted("gateway_answer_duration_seconds_count", marketplace="shop")
    async with gateway_running(put_lines=put_lines, tell_seconds=60) as running:
        for each in range(ROUNDS):
            assert statuses(await say(running.port, a_round(f"{failing} {each}"))) == [202] * OF_ROUND
    assert len(running.decided) == ROUNDS * OF_ROUND
    assert counted("gateway_deliveries_total", **delivered) - before == ROUNDS * OF_ROUND
    assert counted("gateway_answer_duration_seconds_count", marketplace="shop") - timed == ROUNDS * OF_ROUND


def test_lines_that_cannot_be_written_are_dropped_counted_and_told_of_once() -> None:
    before = counted("gateway_log_lines_lost_total")
    disk = Disk()
    log = Lines(disk)
    log.put(lines(0, 500))
    disk.full = True
    for first in (500, 1000):
        log.put(lines(first, 500))
    assert counted("gateway_log_lines_lost_total") - before == 1000
    disk.full = False
    with capture_logs() as told:
        log.put(lines(1500, 500))
        log.put(lines(2000, 500))
    assert [(one["log_level"], one["count"]) for one in told] == [("warning", 1000)]
    written = [line for line in disk.getvalue().splitlines() if line]
    assert written == [line.strip() for line in lines(0, 500) + lines(1500, 1000)]


def test_a_line_that_was_cut_off_does_not_spoil_the_next() -> None:
    class Cutting(Disk):
        def write(self, text: str) -> int:
            if self.full:
                super(Disk, self).write(text[:-5])
            return super().write(text)

    disk = Cutting()
    log = Lines(disk)
    disk.full = True
    log.put(lines(0, 500))
    disk.full = False
    log.put(lines(500, 500))
    assert disk.getvalue().splitlines()[-500:] == [line.strip() for line in lines(500, 500)]
