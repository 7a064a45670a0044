"""A defect of aiokafka on uvloop, mended: a write to a connection that has just been lost ended the client for ever.

uvloop's transports answer a write after their end by RuntimeError, asyncio's ignore it. aiokafka expects an OSError
(seen in 0.14, `AIOKafkaConnection.send`). So whoever wrote in the moment between the loss of a connection and its
reader's noticing died of it: the task that fetches, the one that keeps the metadata, a producer's sender. The client
then read or wrote nothing more, and said nothing. Here the same write fails as on asyncio: the connection is broken.
"""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def _send_or_break(connection: Any, request: Any, expect_response: bool = True) -> Any:
    writer = connection._writer
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as error:
        if writer is None or not writer.transport.is_closing():
            raise
        connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
        raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} is lost: {error}") from error


def mend() -> None:
    """Let every connection of aiokafka in this program be mended. Harmless to repeat."""
    AIOKafkaConnection.send = _send_or_break
