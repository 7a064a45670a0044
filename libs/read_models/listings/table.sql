-- One row per listing, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.listings (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    listing_id         text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    product_id         text,
    sku                text,
    title              text        NOT NULL,
    condition          text,
    price_amount       numeric,
    price_currency     text,
    quantity_available bigint,
    quantity_sold      bigint,
    category_id        text,
    url                text,
    attributes         jsonb       NOT NULL,
    created_at         timestamptz,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.listings ADD PRIMARY KEY (key);
CREATE INDEX listings_newest ON {schema}.listings (updated_at DESC, key DESC);
CREATE INDEX listings_sku ON {schema}.listings USING hash (sku);
