"""The digest of a table: equal rows, whatever their order, give an equal digest, and different rows a different one.

Each row is written in PostgreSQL's binary form (its columns in the declared order) and hashed with MD5; the rows'
hashes are summed up, so that their order does not matter and no sort is needed. Rows are counted and summed in 256
buckets by the hash of their key: a difference is thereby already located. PostgreSQL does the work.

| choice                       | why                                                                                  |
|------------------------------|--------------------------------------------------------------------------------------|
| the binary form              | depends on no setting, keeps every digit, costs half of what the text form costs     |
| MD5, 128 bits kept           | finds defects, not forgers: who can write the table need not forge its rows' hashes; |
|                              | SHA-256 costs PostgreSQL three times as much, which was a third of the whole digest  |
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.db.pool import Connection

BUCKET = "(hashtext(key) & 255)"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Of the rows whose key's hash ends in one byte: how many, and the sums of the two halves of their hashes."""

    rows: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Digest:
    """`value`: 64 hexadecimal digits over all buckets."""

    value: str
    rows: int
    buckets: Mapping[int, Bucket]

    def differing_buckets(self, other: "Digest") -> list[int]:
        numbers = self.buckets.keys() | other.buckets.keys()
        return sorted(number for number in numbers if self.buckets.get(number) != other.buckets.get(number))


def row_hash(columns: Sequence[str]) -> str:
    """The SQL of a row's hash in hexadecimal: 32 digits."""
    return f"md5(record_send(ROW({', '.join(columns)})))"


async def digest(connection: Connection, table: str, columns: Sequence[str]) -> Digest:
    """The digest of these columns of a table. Belongs in a transaction, whose snapshot it describes."""
    # OFFSET 0: without it PostgreSQL would hash each row once for each time that its hash is named.
    rows = await connection.fetch(
        f"""
        SELECT bucket, count(*) AS rows, sum(('x' || substr(hash, 1, 16))::bit(64)::bigint) AS first,
               sum(('x' || substr(hash, 17, 16))::bit(64)::bigint) AS second
        FROM (SELECT {BUCKET} AS bucket, {row_hash(columns)} AS hash FROM {table} OFFSET 0) AS hashed
        GROUP BY bucket ORDER BY bucket
        """  # noqa: S608  (names of our own declarations)
    )
    # sum(bigint) is numeric in PostgreSQL: it does not wrap, however many rows there are.
    buckets = {row["bucket"]: Bucket(row["rows"], int(row["first"]), int(row["second"])) for row in rows}
    text = "".join(f"{number}:{one.rows}:{one.first}:{one.second}\n" for number, one in sorted(buckets.items()))
    return Digest(hashlib.sha256(text.encode()).hexdigest(), sum(one.rows for one in buckets.values()), buckets)
