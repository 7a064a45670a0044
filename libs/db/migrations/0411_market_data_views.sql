-- The documented tables analytics.marketplace_data and platforms.stockx_listings, as views of the read models, through
-- functions: see 0321_mercadolibre_views.sql.
SET LOCAL check_function_bodies = off; -- the tables are made by their first build, later than this

CREATE SCHEMA IF NOT EXISTS analytics;
CREATE SCHEMA IF NOT EXISTS platforms;

CREATE FUNCTION analytics.marketplace_data_rows() RETURNS TABLE (
    product_id text, sku text, size text, platform text, currency text, lowest_ask numeric, highest_bid numeric,
    last_sale_price numeric, last_sale_at timestamptz, total_sales bigint, last_updated timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT product_id, sku, size, platform, currency, lowest_ask, highest_bid,
           last_sale, last_sale_at, sales, updated_at
    FROM read_models.market_data
$$;

CREATE FUNCTION analytics.marketplace_history_rows() RETURNS TABLE (
    product_id text, sku text, size text, platform text, recorded_at timestamptz, currency text,
    lowest_ask numeric, highest_bid numeric, last_sale_price numeric
) LANGUAGE sql STABLE AS $$
    SELECT product_id, sku, size, platform, point.at, point.currency,
           point.lowest_ask, point.highest_bid, point.last_sale
    FROM read_models.market_data, jsonb_to_recordset(history) AS point (
        at timestamptz, currency text, lowest_ask numeric, highest_bid numeric, last_sale numeric
    )
$$;

CREATE FUNCTION platforms.stockx_listings_rows() RETURNS TABLE (
    id text, source text, stockx_listing_id text, stockx_product_id text, stockx_variant_id text, stockx_order_number text,
    sku text, size text, title text, status text, amount numeric, currency text, sold_at timestamptz, updated_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT key, 'stockx', listing_id, product_id, attributes ->> 'variant_id', attributes ->> 'order_number',
           attributes ->> 'style_id', attributes ->> 'size', title, lower(marketplace_status), price_amount, price_currency,
           NULL::timestamptz, updated_at
    FROM read_models.listings WHERE marketplace = 'stockx'
    UNION ALL
    SELECT key, source, NULL, product_id, variant_id, order_number,
           sku, size, title, 'sold', price_amount, price_currency, sold_at, updated_at
    FROM read_models.recorded_sales WHERE marketplace = 'stockx' AND NOT withdrawn
$$;

CREATE VIEW analytics.marketplace_data AS SELECT * FROM analytics.marketplace_data_rows();
CREATE VIEW analytics.marketplace_history AS SELECT * FROM analytics.marketplace_history_rows();
CREATE VIEW platforms.stockx_listings AS SELECT * FROM platforms.stockx_listings_rows();
