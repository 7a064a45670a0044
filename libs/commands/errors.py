"""What can come of a command besides its answer. Nothing is written unless the text says so.

| raised            | meaning                                                          | HTTP |
|-------------------|------------------------------------------------------------------|------|
| ReadModelBehind   | the live table lacks facts of the log: the projector must go on  | 503  |
| OtherVersion      | the live table is of another version than this program           | 503  |
| DatabaseAway      | PostgreSQL is away. At the commit: perhaps it was carried out    | 503  |
| NotPublished      | Kafka did not acknowledge in time: perhaps it will be carried out| 503  |
| KafkaAway         | Kafka was away before anything was decided                       | 503  |
| FactRefused       | the read model cannot hold what was decided                      | 400  |
| OtherRequest      | the Idempotency-Key belongs to another request                   | 422  |

Where it is not known whether a command was carried out, the same request under the same Idempotency-Key finds out.
"""

from uuid import UUID


class ReadModelBehind(Exception):
    """The live table does not hold every fact of the log yet, so that nothing can be decided against it."""


class FactRefused(ValueError):
    """A decided fact cannot become a row; it was not published."""


class OtherRequest(Exception):
    """The Idempotency-Key was used for another request."""


class IdTaken(Exception):
    """A drawn number belongs to an entity already: the sequence is behind the log (another database, an old backup)."""

    def __init__(self, sequence: str) -> None:
        super().__init__(f"the sequence {sequence} gives numbers that are taken")
        self.sequence = sequence


class BatchOpen(Exception):
    """A command with several facts was cut off while it published them: its batch must be finished first."""

    def __init__(self, number: UUID) -> None:
        super().__init__(f"the batch {number} is not finished")
        self.number = number


class Overtaken(Exception):
    """Somebody else's record came between the decision and its publication: who was first, the log tells."""
