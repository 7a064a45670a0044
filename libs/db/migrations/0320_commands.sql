-- Commands write rows of live read models ahead of the projector, in the transaction in which they publish the facts.
-- They hold the checkpoints of the partitions that they write to, and leave there how far they got: everything before
-- `written_to` is in the live table. A rebuild reads up to greatest(next_offset, written_to), so that a swap never takes
-- a command's row away.
ALTER TABLE projection.checkpoints ADD COLUMN written_to bigint NOT NULL DEFAULT 0;

CREATE SCHEMA commands;

-- Requests with an Idempotency-Key. A row is made when the request is first carried out. `ids`, `facts` and `intended`
-- are committed before anything is published: should the commit of the rows be lost, a repetition looks for the facts in
-- the log and tells the answer that was meant, or goes on with the same ids. `answer` is set with the rows.
CREATE TABLE commands.requests (
    scope       text        NOT NULL, -- which command: a key means something to one of them only
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL, -- SHA-256 of the request: another one under the same key is refused
    identity    uuid        NOT NULL, -- from which the facts' event ids are derived
    ids         bigint[]    NOT NULL DEFAULT '{}',
    facts       jsonb,                -- [{model, key, event_id, topic, partition, basis, after}]
    intended    jsonb,
    answer      jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    PRIMARY KEY (scope, key)
);
CREATE INDEX requests_oldest ON commands.requests (created_at);

-- Numbers of entities that commands create. A number that was drawn for a command that failed is never used again.
CREATE SEQUENCE commands.search_runs;
