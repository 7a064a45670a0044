-- One row per sale that a person wrote down. Those at StockX are in the view platforms.stockx_listings, too.
CREATE TABLE {schema}.recorded_sales (
    key             text        NOT NULL,
    source          text        NOT NULL, -- notion
    source_id       text        NOT NULL,
    user_id         text        NOT NULL,
    marketplace     text        NOT NULL,
    order_number    text,
    sku             text        NOT NULL,
    size            text,
    title           text,
    product_id      text        NOT NULL, -- StockX's
    variant_id      text,
    price_amount    numeric     NOT NULL,
    price_currency  text        NOT NULL,
    payout_amount   numeric,
    payout_currency text,
    sold_at         timestamptz NOT NULL,
    withdrawn       boolean     NOT NULL,
    updated_at      timestamptz NOT NULL, -- when it was last edited where it is written down
    event_id        text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id  text,
    log_topic       text        NOT NULL,
    log_partition   integer     NOT NULL,
    log_offset      bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.recorded_sales ADD PRIMARY KEY (key);
CREATE INDEX recorded_sales_newest ON {schema}.recorded_sales (updated_at DESC, key DESC);
CREATE INDEX recorded_sales_sku ON {schema}.recorded_sales USING hash (sku);
