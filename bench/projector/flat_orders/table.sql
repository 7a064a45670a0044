-- The columns of ../orders.sql, and those that every row of sellstream has besides: its key, and the fact that made it.
CREATE TABLE {schema}.flat_orders (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    order_id           text        NOT NULL,
    account            text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    placed_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    total_amount       numeric     NOT NULL,
    total_currency     text        NOT NULL,
    buyer_id           text        NOT NULL,
    item_id            text        NOT NULL,
    event_id           text        NOT NULL,
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
ALTER TABLE {schema}.flat_orders ADD PRIMARY KEY (key);
