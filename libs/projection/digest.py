"""The digest of a table: equal rows, whatever their order, give an equal digest, and different rows a different one.

Each row is written in PostgreSQL's binary form (its columns in the declared order) and hashed twice; the rows' hashes
are summed up, so that their order does not matter and no sort is needed. Rows are counted and summed in 256 buckets by
the hash of their key: a difference is thereby already located. PostgreSQL does the work.

| choice                       | why                                                                                  |
|------------------------------|--------------------------------------------------------------------------------------|
| the binary form              | depends on no setting, keeps every digit, costs half of what the text form costs     |
| PostgreSQL's own 64-bit hash | finds defects, not forgers: who can write the table need not forge its rows' hashes; |
| with two seeds, 128 bits     | both together cost less than half of an MD5, which must be read from hexadecimal text|
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.db.pool import Connection

BUCKET = "(hashtext(key) & 255)"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Of the rows whose key's hash ends in one byte: how many, and the sums of their two hashes."""

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


def row_form(columns: Sequence[str]) -> str:
    """The SQL of a row's binary form."""
    return f"record_send(ROW({', '.join(columns)}))"


def form_hash(form: str, seed: int = 0) -> str:
    """The SQL of the 64-bit hash of a binary form."""
    return f"hash_record_extended(ROW({form}), {seed})"


async def digest(connection: Connection, table: str, columns: Sequence[str]) -> Digest:
    """The digest of these columns of a table. Belongs in a transaction, whose snapshot it describes."""
    # OFFSET 0: without it PostgreSQL would make each row's form once for each time that it is named.
    rows = await connection.fetch(
        f"""
        SELECT bucket, count(*) AS rows, sum({form_hash("form", 0)}) AS first, sum({form_hash("form", 1)}) AS second
        FROM (SELECT {BUCKET} AS bucket, {row_form(columns)} AS form FROM {table} OFFSET 0) AS formed
        GROUP BY bucket ORDER BY bucket
        """  # noqa: S608  (names of our own declarations)
    )
    # sum(bigint) is numeric in PostgreSQL: it does not wrap, however many rows there are.
    buckets = {row["bucket"]: Bucket(row["rows"], int(row["first"]), int(row["second"])) for row in rows}
    text = "".join(f"{number}:{one.rows}:{one.first}:{one.second}\n" for number, one in sorted(buckets.items()))
    return Digest(hashlib.sha256(text.encode()).hexdigest(), sum(one.rows for one in buckets.values()), buckets)
