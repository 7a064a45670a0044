-- One row per payment, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.payments (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    payment_id         text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    status_detail      text,
    order_id           text,
    payer_id           text,
    method             text,
    kind               text,
    installments       bigint,
    amount             numeric     NOT NULL,
    currency           text        NOT NULL,
    refunded_amount    numeric,
    refunded_currency  text,
    fee_amount         numeric,
    fee_currency       text,
    created_at         timestamptz NOT NULL,
    approved_at        timestamptz,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.payments ADD PRIMARY KEY (key);
CREATE INDEX payments_newest ON {schema}.payments (updated_at DESC, key DESC);
CREATE INDEX payments_order_id ON {schema}.payments USING hash (order_id);
