-- What people did about dead letters: who, when, why, and where a retried one went. Both the audit and the memory of which
-- dead letters are still open: one without a row here is open. Names are those at the broker, prefix included.
CREATE SCHEMA IF NOT EXISTS ops;

CREATE TABLE ops.dead_letter_actions (
    topic            text        NOT NULL,
    partition        integer     NOT NULL,
    log_offset       bigint      NOT NULL,
    action           text        NOT NULL CHECK (action IN ('retry', 'discard')),
    who              text        NOT NULL,
    why              text        NOT NULL CHECK (why <> ''),
    decided_at       timestamptz NOT NULL DEFAULT now(),
    completed_at     timestamptz,
    target_topic     text,
    target_partition integer,
    target_offset    bigint,
    PRIMARY KEY (topic, partition, log_offset)
);
