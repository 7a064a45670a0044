"""Vectors of titles, computed once: kept in PostgreSQL between starts. Without a model there are none."""

import asyncio
import hashlib
from collections.abc import Sequence

import numpy as np

from libs.db.pool import Database
from libs.matching.embedding import DIMENSIONS, MODEL, SentenceModel, Vectors
from libs.matching.title import canonical


class TitleVectors:
    """The vectors of canonical titles; `model` None: there is no matching by title."""

    def __init__(self, database: Database, model: SentenceModel | None) -> None:
        self._database = database
        self.model = model

    async def of(self, titles: Sequence[str]) -> list[Vectors | None]:
        """One row a title, of length 1; None without a model. Raises DatabaseAway, EmbeddingUnavailable."""
        if self.model is None:
            return [None] * len(titles)
        read = [canonical(title) for title in titles]
        keys = [hashlib.sha256(f"{MODEL}\n{text}".encode()).digest() for text in read]
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT text_sha, vector FROM matcher.vectors WHERE text_sha = ANY ($1)", list({*keys})
            )
        known: dict[bytes, Vectors] = {
            row["text_sha"]: np.frombuffer(row["vector"], np.float32, DIMENSIONS) for row in rows
        }
        missing = {key: text for key, text in zip(keys, read, strict=True) if key not in known}
        if missing:
            made = await asyncio.to_thread(self.model.embed, list(missing.values()))
            fresh = dict(zip(missing, made, strict=True))
            await self._keep(fresh)
            known |= fresh
        return [known[key] for key in keys]

    async def _keep(self, fresh: dict[bytes, Vectors]) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                """
                INSERT INTO matcher.vectors (text_sha, vector) SELECT * FROM unnest($1::bytea[], $2::bytea[])
                ON CONFLICT DO NOTHING
                """,
                list(fresh),
                [vector.astype(np.float32).tobytes() for vector in fresh.values()],
            )
