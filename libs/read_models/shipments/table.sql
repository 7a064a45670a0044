-- One row per shipment, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.shipments (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    shipment_id        text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    substatus          text,
    order_ids          text[]      NOT NULL,
    tracking_number    text,
    carrier            text,
    service            text,
    cost_amount        numeric,
    cost_currency      text,
    declared_amount    numeric,
    declared_currency  text,
    estimated_at       timestamptz,
    destination        jsonb,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.shipments ADD PRIMARY KEY (key);
CREATE INDEX shipments_newest ON {schema}.shipments (updated_at DESC, key DESC);
CREATE INDEX shipments_order_ids ON {schema}.shipments USING gin (order_ids);
