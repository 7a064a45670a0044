"""The queue's statements. Every time is PostgreSQL's: workers' clocks may differ.

The order and the conditions of a dequeue are those of `sp_ml_jobs` (mission, "Stored Procedures Requirements"), with
two readings: a lock that was never taken is free (`locked_until` NULL), and a job that is `processing` under a lock
that ran out is put back into its place (`JobQueue.give_back`), or no lost lock could ever be taken over.
"""

from functools import cache

CHANNEL = "sellstream_jobs"
"""Where it is told that a queue has work; the payload is the queue's name."""

# $1 queue, $2 types, $3 payloads, $4 priorities, $5 delays (seconds), $6 max attempts, $7 dedupe keys, $8 channel.
# Ids are drawn in the given order and the rows are inserted in the order of their keys, so that two batches with the
# same keys wait for each other instead of locking each other out. A row that exists is "updated" only to be returned.
ENQUEUE = """
WITH numbered AS MATERIALIZED (
    SELECT nextval('ops.jobs_id_seq') AS id, t.*
    FROM unnest($2::text[], $3::text[], $4::int[], $5::float8[], $6::int[], $7::text[])
        AS t (job_type, payload, priority, delay, max_attempts, dedupe_key)
), inserted AS (
    INSERT INTO ops.jobs AS j (id, queue, job_type, payload_json, priority, available_at, max_attempts, dedupe_key)
    SELECT id, $1, job_type, payload::jsonb, priority, now() + delay * interval '1 second', max_attempts, dedupe_key
    FROM numbered ORDER BY dedupe_key, id
    ON CONFLICT (queue, dedupe_key) WHERE dedupe_key IS NOT NULL AND status IN ('pending', 'processing', 'retry')
    DO UPDATE SET dedupe_key = excluded.dedupe_key
    RETURNING j.id, j.dedupe_key, j.available_at
)
SELECT i.id, i.dedupe_key, n.id IS NOT NULL AS created,
    (SELECT pg_notify($8, $1)::text WHERE EXISTS (SELECT FROM inserted WHERE available_at <= now())) AS told
FROM inserted AS i LEFT JOIN numbered AS n USING (id)
ORDER BY i.id
"""

NOTIFY = "SELECT pg_notify($1, $2)"

# $1 queue, $2 lost locks that end a job, $3 whose own locks are given back as well.
_GIVE_BACK = """
UPDATE ops.jobs SET
    status = CASE WHEN {spent} THEN 'failed_permanent' WHEN attempts = 0 THEN 'pending' ELSE 'retry' END,
    attempts = CASE WHEN {spent} THEN attempts + 1 ELSE attempts END,
    last_error = CASE WHEN {spent} THEN jsonb_build_object('code', 'LockLost', 'msg',
        format('%s runs ended without a word, the last one in the hands of %s', $2::int, locked_by))
        ELSE last_error END,
    lost_locks = CASE WHEN locked_until < now() THEN lost_locks + 1 ELSE lost_locks END,
    locked_by = NULL, locked_until = NULL, updated_at = now()
WHERE id = ANY(ARRAY(
    SELECT id FROM ops.jobs WHERE queue = $1 AND status = 'processing' AND {free} FOR UPDATE SKIP LOCKED
))
"""
_SPENT = "locked_until < now() AND lost_locks + 1 >= $2::int"
GIVE_BACK_LOST = _GIVE_BACK.format(spent=_SPENT, free="locked_until < now()")
GIVE_BACK_LOST_AND_OWN = _GIVE_BACK.format(spent=_SPENT, free="(locked_until < now() OR locked_by = $3)")

# $1 queue, $2 locked_by, $3 lock_seconds, $4 how many, $5 types (NULL: all).
_LOCK = """
free AS MATERIALIZED (
    SELECT id FROM ops.jobs
    WHERE queue = $1 AND status IN ('pending', 'retry') AND available_at <= now() AND attempts < max_attempts
        AND (locked_until IS NULL OR locked_until < now() OR locked_by = $2) AND {typed}
    ORDER BY priority, available_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
), locked AS (
    UPDATE ops.jobs SET
        status = 'processing', locked_by = $2, locked_until = now() + $3::float8 * interval '1 second',
        lock_no = lock_no + 1, updated_at = now()
    WHERE id = ANY(ARRAY(SELECT id FROM free))
    RETURNING id, job_type, payload_json, priority, attempts, max_attempts, locked_until, lock_no, available_at
)
"""

# Six parameters: ids, lock numbers, statuses, errors (NULL: leave), backoffs (seconds), counts (1: a failed attempt).
_SETTLE = """
settled AS (
    UPDATE ops.jobs AS j SET
        status = CASE
            WHEN f.status <> 'retry' THEN f.status
            WHEN j.attempts + f.counts >= j.max_attempts THEN 'failed_permanent'
            WHEN j.attempts + f.counts = 0 THEN 'pending'
            ELSE 'retry' END,
        attempts = j.attempts + f.counts,
        available_at = CASE f.status WHEN 'retry' THEN now() + f.backoff * interval '1 second' ELSE j.available_at END,
        last_error = coalesce(f.error::jsonb, j.last_error),
        locked_by = NULL, locked_until = NULL, updated_at = now()
    FROM unnest(${0}::bigint[], ${1}::int[], ${2}::text[], ${3}::text[], ${4}::float8[], ${5}::int[])
        AS f (id, lock_no, status, error, backoff, counts)
    WHERE j.id = f.id AND j.lock_no = f.lock_no AND j.status = 'processing' AND j.locked_by = ${owner}
    RETURNING j.id
)
"""

# $1 locked_by, $2 … $7 the finished runs. Returns the ids that were ours to finish.
SETTLE = f"WITH {_SETTLE.format(*range(2, 8), owner=1)} SELECT id FROM settled"  # noqa: S608 - parameters' numbers

# $1 locked_by, $2 lock_seconds, $3 ids, $4 lock numbers. Returns the ids whose locks are still ours.
EXTEND = """
UPDATE ops.jobs AS j SET locked_until = now() + $2::float8 * interval '1 second', updated_at = now()
FROM unnest($3::bigint[], $4::int[]) AS held (id, lock_no)
WHERE j.id = held.id AND j.lock_no = held.lock_no AND j.status = 'processing' AND j.locked_by = $1
RETURNING j.id
"""

COUNTS = """
SELECT job_type, status, count(*) AS jobs FROM ops.jobs WHERE queue = $1 GROUP BY job_type, status
"""

# Two partial indexes hold these rows: what has ended is not read.
OPEN = """
SELECT job_type, status, count(*) AS jobs FROM ops.jobs
WHERE queue = $1 AND status IN ('pending', 'retry') GROUP BY job_type, status
UNION ALL
SELECT job_type, status, count(*) FROM ops.jobs WHERE queue = $1 AND status = 'processing' GROUP BY job_type, status
"""


@cache
def exchange(*, typed: bool, settle: bool) -> str:
    """What is finished ($6 … $11) and what is begun ($1 … $5) in one statement, one round trip, one commit.

    `typed`: only the types of $5, which is NULL otherwise. A finished row comes back with a NULL in place of its type.
    """
    lock = _LOCK.format(typed="job_type = ANY($5::text[])" if typed else "$5::text[] IS NULL")
    settled = _SETTLE.format(*range(6, 12), owner=2) + "," if settle else ""
    finished = f"UNION ALL SELECT id{', NULL' * 8} FROM settled" if settle else ""  # noqa: S608 - NULLs
    return f"WITH {settled} {lock} TABLE locked {finished} ORDER BY priority, available_at, id"
