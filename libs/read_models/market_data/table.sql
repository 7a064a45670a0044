-- One row per platform, product and size; null is what nobody told. With the documented name: the view
-- analytics.marketplace_data. Its history [{at, currency, lowest_ask, highest_bid, last_sale}] is oldest first.
CREATE TABLE {schema}.market_data (
    key            text        NOT NULL,
    platform       text        NOT NULL, -- stockx, goat
    sku            text        NOT NULL,
    size           text,
    product_id     text        NOT NULL, -- the platform's own
    variant_id     text,
    currency       text,
    lowest_ask     numeric,
    highest_bid    numeric,
    last_sale      numeric,
    last_sale_at   timestamptz,
    sales          bigint,               -- orders of our own
    history        jsonb       NOT NULL,
    updated_at     timestamptz NOT NULL, -- when the platform was asked
    event_id       text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id text,
    log_topic      text        NOT NULL,
    log_partition  integer     NOT NULL,
    log_offset     bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.market_data ADD PRIMARY KEY (key);
CREATE INDEX market_data_newest ON {schema}.market_data (updated_at DESC, key DESC);
CREATE INDEX market_data_sku ON {schema}.market_data USING hash (sku);
