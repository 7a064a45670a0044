-- One row per claim of a buyer, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.claims (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    claim_id           text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    about              text,
    about_id           text,
    order_id           text,
    buyer_id           text,
    kind               text,
    stage              text,
    reason_id          text,
    seller_actions     text[]      NOT NULL,
    due_at             timestamptz,
    resolution         text,
    benefited          text[]      NOT NULL,
    closed_by          text,
    decided_at         timestamptz,
    opened_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.claims ADD PRIMARY KEY (key);
CREATE INDEX claims_newest ON {schema}.claims (updated_at DESC, key DESC);
CREATE INDEX claims_order_id ON {schema}.claims USING hash (order_id);
CREATE INDEX claims_due_at ON {schema}.claims (due_at) WHERE status = 'open';
