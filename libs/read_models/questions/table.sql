-- One row per question of a buyer, with its answer and its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.questions (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    question_id        text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    listing_id         text        NOT NULL,
    buyer_id           text,
    question           text        NOT NULL,
    answer             text,
    asked_at           timestamptz NOT NULL,
    answered_at        timestamptz,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.questions ADD PRIMARY KEY (key);
CREATE INDEX questions_newest ON {schema}.questions (updated_at DESC, key DESC);
CREATE INDEX questions_listing_id ON {schema}.questions USING hash (listing_id);
