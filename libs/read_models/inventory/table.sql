-- One row per SKU of an account, offers included as far as they say whether it is on sale.
CREATE TABLE {schema}.inventory (
    key             text        NOT NULL,
    marketplace     text        NOT NULL,
    account         text        NOT NULL,
    user_id         text        NOT NULL,
    sku_code        text        NOT NULL,
    title           text,
    condition       text,
    part_number     text,
    model           text,
    category        text,
    price_value     numeric,
    price_currency  text,
    quantity        bigint,
    ebay_listing_id text,                 -- the first offer's id
    ebay_status     text        NOT NULL, -- ACTIVE, ENDED, UNKNOWN (no offers)
    photo_count     bigint      NOT NULL,
    raw_payload     jsonb       NOT NULL, -- the item as the marketplace told it
    disappeared_at  timestamptz,          -- since when the marketplace no longer has it
    rec_created     timestamptz NOT NULL,
    rec_updated     timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL, -- when the marketplace was asked
    event_id        text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id  text,
    log_topic       text        NOT NULL,
    log_partition   integer     NOT NULL,
    log_offset      bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.inventory ADD PRIMARY KEY (key);
CREATE INDEX inventory_newest ON {schema}.inventory (updated_at DESC, key DESC);
CREATE INDEX inventory_account ON {schema}.inventory (account, sku_code);
