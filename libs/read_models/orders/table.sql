-- One row per order, with its lines [{item_id, …}] and its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.orders (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    order_id           text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    pack_id            text,
    placed_at          timestamptz NOT NULL,
    closed_at          timestamptz,
    total_amount       numeric     NOT NULL,
    total_currency     text        NOT NULL,
    paid_amount        numeric,
    paid_currency      text,
    lines              jsonb       NOT NULL,
    buyer              jsonb       NOT NULL,
    payment_ids        text[]      NOT NULL,
    shipment_id        text,
    tags               text[]      NOT NULL,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.orders ADD PRIMARY KEY (key);
CREATE INDEX orders_newest ON {schema}.orders (updated_at DESC, key DESC);
CREATE INDEX orders_shipment_id ON {schema}.orders USING hash (shipment_id);
