-- One row per offer of an account.
CREATE TABLE {schema}.offers (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    user_id            text        NOT NULL,
    offer_id           text        NOT NULL,
    sku_code           text        NOT NULL,
    marketplace_id     text,                 -- the site, for example EBAY_US
    format             text,
    status             text        NOT NULL, -- the marketplace's own word
    listing_id         text,
    listing_status     text,
    price_value        numeric,
    price_currency     text,
    available_quantity bigint,
    sold_quantity      bigint,
    category           text,
    creation_date      timestamptz,
    expiration_date    timestamptz,
    raw_payload        jsonb       NOT NULL, -- the offer as the marketplace told it
    disappeared_at     timestamptz,          -- since when the marketplace no longer has it
    rec_created        timestamptz NOT NULL,
    rec_updated        timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL, -- when the marketplace was asked
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.offers ADD PRIMARY KEY (key);
CREATE INDEX offers_newest ON {schema}.offers (updated_at DESC, key DESC);
CREATE INDEX offers_account ON {schema}.offers (account, sku_code);
CREATE INDEX offers_listing_id ON {schema}.offers USING hash (listing_id);
