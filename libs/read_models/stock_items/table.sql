-- One row per user, product, size and condition, as the last import told it.
CREATE TABLE {schema}.stock_items (
    key               text        NOT NULL,
    user_id           text        NOT NULL,
    sku               text        NOT NULL, -- as StockX writes it
    told_sku          text        NOT NULL, -- as it was imported
    size              text,
    condition         text        NOT NULL,
    title             text,
    quantity          bigint      NOT NULL,
    cost_amount       numeric,              -- of one
    cost_currency     text,
    acquired_at       timestamptz,
    stockx_product_id text        NOT NULL,
    stockx_variant_id text,
    import_id         text        NOT NULL,
    rec_created       timestamptz NOT NULL, -- when it was first imported
    updated_at        timestamptz NOT NULL, -- when the last import was accepted
    event_id          text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id    text,
    log_topic         text        NOT NULL,
    log_partition     integer     NOT NULL,
    log_offset        bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.stock_items ADD PRIMARY KEY (key);
CREATE INDEX stock_items_newest ON {schema}.stock_items (updated_at DESC, key DESC);
