-- One row per fiscal invoice, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.invoices (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    invoice_id         text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    order_ids          text[]      NOT NULL,
    shipment_id        text,
    kind               text,
    series             text,
    number             text,
    access_key         text,
    amount             numeric,
    currency           text,
    document_path      text,
    issued_at          timestamptz,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.invoices ADD PRIMARY KEY (key);
CREATE INDEX invoices_newest ON {schema}.invoices (updated_at DESC, key DESC);
CREATE INDEX invoices_order_ids ON {schema}.invoices USING gin (order_ids);
