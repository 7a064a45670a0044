"""Free TCP ports on 127.0.0.1."""

import random
import socket

# Below the range from which Linux (32768…) and macOS (49152…) take the ports of outgoing connections. A port from that
# range could be taken while its server is down for a moment; a client that keeps calling it can even connect to itself.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now. Connections in TIME_WAIT do not count: servers reuse it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on."""
    chosen: set[int] = set()
    while len(chosen) < count:
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - not a secret
        if is_free(port):
            chosen.add(port)
    return sorted(chosen)
