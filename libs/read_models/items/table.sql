-- One row per item, anybody's, with its features as they were last seen. With the documented name: the view
-- mercadolibre.ml_item_features.
CREATE TABLE {schema}.items (
    key                    text        NOT NULL,
    marketplace            text        NOT NULL,
    item_id                text        NOT NULL,
    site_id                text,
    title                  text        NOT NULL,
    subtitle               text,
    status                 text,
    price                  numeric,
    base_price             numeric,
    original_price         numeric,
    currency_id            text,
    condition              text,
    listing_type_id        text,
    category_id            text,
    domain_id              text,
    product_id             text,
    seller_id              text,
    seller_nickname        text,
    reputation_level       text,
    power_seller_status    text,
    transactions_total     bigint,
    transactions_completed bigint,
    ratings_positive       numeric,
    available_quantity     bigint,
    sold_quantity          bigint,
    free_shipping          boolean,
    shipping_mode          text,
    logistic_type          text,
    accepts_mercadopago    boolean,
    pictures_count         bigint      NOT NULL,
    attributes             jsonb       NOT NULL,
    attributes_missing     bigint      NOT NULL,
    permalink              text,
    thumbnail              text,
    created_at             timestamptz,
    changed_at             timestamptz,
    source                 text        NOT NULL,
    updated_at             timestamptz NOT NULL, -- when we looked
    event_id               text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id         text,
    log_topic              text        NOT NULL,
    log_partition          integer     NOT NULL,
    log_offset             bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.items ADD PRIMARY KEY (key);
CREATE INDEX items_newest ON {schema}.items (updated_at DESC, key DESC);
CREATE INDEX items_product ON {schema}.items (product_id, currency_id) WHERE product_id IS NOT NULL;
