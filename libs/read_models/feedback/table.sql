-- One row per order with feedback; `status` is the buyer's rating, with its history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.feedback (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    order_id           text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    by_buyer           jsonb,
    by_seller          jsonb,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.feedback ADD PRIMARY KEY (key);
CREATE INDEX feedback_newest ON {schema}.feedback (updated_at DESC, key DESC);
CREATE INDEX feedback_status ON {schema}.feedback (status);
