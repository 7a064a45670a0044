-- One row per style code. With the documented name: the view products.products.
CREATE TABLE {schema}.products (
    key                text        NOT NULL,
    product_id         text        NOT NULL, -- the style code's capital letters and digits
    sku                text        NOT NULL, -- the style code as it was told first
    title              text,
    brand              text,
    colorway           text,
    product_type       text,
    gender             text,
    season             text,
    release_date       date,
    retail_price       numeric,
    retail_currency    text,
    image_url          text,
    sources            text[]      NOT NULL,
    stockx_status      text        NOT NULL, -- unknown, on_stockx, not_on_stockx
    stockx_product_id  text,
    stockx_style_id    text,
    stockx_url_key     text,
    stockx_similarity  numeric,
    stockx_searched_at timestamptz,
    raw                jsonb       NOT NULL, -- the product as StockX told it
    updated_at         timestamptz NOT NULL,
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.products ADD PRIMARY KEY (key);
CREATE INDEX products_newest ON {schema}.products (updated_at DESC, key DESC);
CREATE INDEX products_stockx ON {schema}.products USING hash (stockx_product_id);
