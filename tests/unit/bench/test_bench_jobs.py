"""The job queues' benchmark: what counts as the whole work, and what cannot run."""

from bench.jobs.benchmark import difference
from bench.jobs.peer import QueuePeer, queue_peers


def test_each_job_must_be_done_once() -> None:
    assert difference([2, 0, 1], 3) is None
    assert difference([0, 0, 2], 3) == "1 jobs were not done, 1 were done more than once"
    assert difference([], 2) == "2 jobs were not done, 0 were done more than once"


def test_a_peer_that_is_not_installed_is_skipped_with_the_reason() -> None:
    missing = QueuePeer("ours", "a queue", ("no-such-distribution",))
    assert missing.skipped() == "not installed: no-such-distribution"
    assert queue_peers()[0].skipped() is None
