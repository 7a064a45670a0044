"""There are never more connections than the process has file descriptors for."""

import resource
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from libs.http.edge import descriptors
from libs.http.edge.descriptors import FOR_OTHERS, connections_that_fit


class Kernel:
    """Has limits as a kernel has; a test that lowers the real hard limit could not raise it again."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE
    RLIM_INFINITY = resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int, bound: int = 2**30) -> None:
        self.limits = soft, hard
        self.bound = bound

    def getrlimit(self, _which: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _which: int, limits: tuple[int, int]) -> None:
        if limits[0] > self.bound or (limits[0] > limits[1] != self.RLIM_INFINITY):
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.fixture
def low_limit() -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_process_s_own_limit_is_raised(low_limit: int) -> None:
    wanted = min(2000, (low_limit - FOR_OTHERS) // 2)
    assert connections_that_fit(wanted) == wanted
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(low_limit, wanted * 1.375 + FOR_OTHERS)


@pytest.mark.parametrize(
    ("kernel", "fit", "soft"),
    [
        (Kernel(1024, 20_000), 4096, 5888),
        (Kernel(1024, resource.RLIM_INFINITY), 4096, 5888),
        (Kernel(65_536, 65_536), 4096, 65_536),
        (Kernel(resource.RLIM_INFINITY, resource.RLIM_INFINITY), 4096, resource.RLIM_INFINITY),
        (Kernel(1024, 4096), 2792, 4096),
        (Kernel(1024, 1024), 558, 1024),
        (Kernel(256, 256), 93, 256),
        (Kernel(1024, 20_000, bound=2048), 558, 1024),
    ],
)
def test_the_connections_fit_the_limit(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, fit: int, soft: int) -> None:
    monkeypatch.setattr(descriptors, "resource", kernel)
    with capture_logs() as told:
        assert connections_that_fit(4096) == fit
    assert kernel.limits[0] == soft
    if fit == 4096:
        assert not told
    else:
        assert told[0]["log_level"] == "warning"
        assert "5888" in told[0]["remedy"]
