-- Style codes that were found at StockX (libs/products). Not a read model: it may be emptied at any time.
CREATE SCHEMA IF NOT EXISTS products;

-- product_id: the style code's capital letters and digits. product: as StockX told it. It is used for 7 days, and beyond
-- them while StockX does not answer.
CREATE TABLE products.stockx_cache (
    product_id        text        PRIMARY KEY,
    stockx_product_id text        NOT NULL,
    similarity        float8      NOT NULL,
    product           jsonb       NOT NULL,
    found_at          timestamptz NOT NULL
);

-- The documented table of products, as a view of the read model: through a function, whose text is read anew at each use,
-- so that it follows a swap.
SET LOCAL check_function_bodies = off; -- the table is made by its first build, later than this

CREATE FUNCTION products.of_read_model() RETURNS TABLE (
    id text, sku text, name text, brand text, colorway text, release_date date, retail_price numeric, image_url text,
    stockx_product_id text, metadata jsonb, updated_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT product_id, sku, title, brand, colorway, release_date, retail_price, image_url, stockx_product_id,
           jsonb_strip_nulls(jsonb_build_object(
               'stockx_status', stockx_status, 'stockx_url_key', stockx_url_key,
               'stockx_search_failed', CASE WHEN stockx_status = 'not_on_stockx' THEN true END)),
           updated_at
    FROM read_models.products
$$;

CREATE VIEW products.products AS SELECT * FROM products.of_read_model();
