-- One row per operation on a listing, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.listing_operations (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    id                 text        NOT NULL,
    status             text        NOT NULL, -- started, succeeded, failed, given_up
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    kind               text        NOT NULL, -- create, update, delete, activate, deactivate, other
    marketplace_kind   text        NOT NULL,
    initiated_by       text        NOT NULL, -- command, seller, system
    initiated_via      text,
    requested_by       text,
    operation_id       text,
    batch_id           text,
    listing_id         text,
    variant_id         text,
    price_amount       numeric,
    price_currency     text,
    error              text,
    started_at         timestamptz NOT NULL,
    ended_at           timestamptz,
    updated_at         timestamptz NOT NULL, -- when this was learned, by our clock
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.listing_operations ADD PRIMARY KEY (key);
CREATE INDEX listing_operations_newest ON {schema}.listing_operations (updated_at DESC, key DESC);
CREATE INDEX listing_operations_listing ON {schema}.listing_operations USING hash (listing_id);
