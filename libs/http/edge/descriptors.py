"""File descriptors: each connection takes one, and a process's soft limit is mostly 1024, whatever it may have.

Without room for all connections, their bound is never reached: nobody is turned away, and whatever else the process
opens (Kafka, its files) fails with EMFILE instead.
"""

import resource
from contextlib import suppress

from libs.http.edge.crowd import OF_THE_APPLICATION, TURNED_AWAY
from libs.telemetry.log import get_logger

log = get_logger()

FOR_OTHERS = 256
"""Kafka's connections, files, libraries. Of a limit that is smaller than twice that, half is theirs."""

_EACH = 1 + OF_THE_APPLICATION + TURNED_AWAY
"""Those of the application, and those that are turned away, come on top of the connections that are counted."""


def connections_that_fit(wanted: int) -> int:
    """So many connections, or as many as there are descriptors for; raises the process's soft limit as needed."""
    needed = int(wanted * _EACH) + FOR_OTHERS
    limit = _raised_to(needed)
    if limit >= needed:
        return wanted
    fit = max(1, int((limit - min(FOR_OTHERS, limit // 2)) / _EACH))
    log.warning(
        "too few file descriptors: fewer connections are taken",
        connections=fit,
        wanted=wanted,
        limit=limit,
        remedy=f"start the process with a hard limit of open files of {needed} or more (ulimit -Hn, LimitNOFILE)",
    )
    return fit


def _raised_to(needed: int) -> int:
    """The soft limit, raised up to the hard one; at least `needed` where there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= needed:
        return needed
    most = needed if hard == unlimited else min(needed, hard)
    with suppress(ValueError, OSError):  # some systems have another bound below their hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
