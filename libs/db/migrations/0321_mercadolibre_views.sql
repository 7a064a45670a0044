-- The documented tables of the search pipeline, as views of the read models. A view directly on a read model's table would
-- stay with the old one after a swap; the text of a function is read anew at each use, and the planner inlines it.
SET LOCAL check_function_bodies = off; -- the tables are made by their first build, later than this

CREATE SCHEMA marketplace;

CREATE FUNCTION marketplace.search_runs() RETURNS TABLE (
    id bigint, site_id text, query_text text, domain_id text, category_id text, filters_json jsonb, status text,
    http_status integer, error_json jsonb, started_at timestamptz, finished_at timestamptz, updated_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT search_run_id, site_id, query_text, domain_id, category_id, filters_json, status,
           http_status, error_json, started_at, finished_at, updated_at
    FROM read_models.search_runs WHERE marketplace = 'mercadolibre' AND NOT deleted
$$;

CREATE FUNCTION marketplace.search_results() RETURNS TABLE (
    search_run_id bigint, item_id text, site_id text, title text, subtitle text, price numeric, base_price numeric,
    currency_id text, condition text, listing_type_id text, category_id text, domain_id text, permalink text,
    thumbnail text, seller_id bigint, seller_nickname text, accepts_mercadopago boolean, pictures_count bigint,
    raw_json jsonb, "position" bigint
) LANGUAGE sql STABLE AS $$
    SELECT run.search_run_id, found.item_id, found.site_id, found.title, found.subtitle, found.price, found.base_price,
           found.currency_id, found.condition, found.listing_type_id, found.category_id, found.domain_id,
           found.permalink, found.thumbnail, found.seller_id, found.seller_nickname, found.accepts_mercadopago,
           found.pictures_count, found.raw_json, found.ordinality
    FROM read_models.search_runs run, ROWS FROM (jsonb_to_recordset(run.results) AS (
        item_id text, site_id text, title text, subtitle text, price numeric, base_price numeric, currency_id text,
        condition text, listing_type_id text, category_id text, domain_id text, permalink text, thumbnail text,
        seller_id bigint, seller_nickname text, accepts_mercadopago boolean, pictures_count bigint, raw_json jsonb
    )) WITH ORDINALITY AS found
    WHERE run.marketplace = 'mercadolibre' AND NOT run.deleted
$$;

CREATE FUNCTION marketplace.item_features() RETURNS TABLE (
    item_id text, site_id text, title text, subtitle text, status text, price numeric, base_price numeric,
    original_price numeric, currency_id text, condition text, listing_type_id text, category_id text, domain_id text,
    catalog_product_id text, seller_id text, seller_nickname text, reputation_level text, power_seller_status text,
    transactions_total bigint, transactions_completed bigint, ratings_positive numeric, available_quantity bigint, sold_quantity bigint,
    free_shipping boolean, shipping_mode text, logistic_type text, accepts_mercadopago boolean, pictures_count bigint,
    attributes_json jsonb, attributes_missing bigint, permalink text, thumbnail text, source text,
    fetched_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT item_id, site_id, title, subtitle, status, price, base_price,
           original_price, currency_id, condition, listing_type_id, category_id, domain_id,
           product_id, seller_id, seller_nickname, reputation_level, power_seller_status,
           transactions_total, transactions_completed, ratings_positive, available_quantity, sold_quantity,
           free_shipping, shipping_mode, logistic_type, accepts_mercadopago, pictures_count,
           attributes, attributes_missing, permalink, thumbnail, source, updated_at
    FROM read_models.items WHERE marketplace = 'mercadolibre'
$$;

CREATE FUNCTION marketplace.item_scores() RETURNS TABLE (
    item_id text, catalog_product_id text, score numeric, coverage numeric, scoring text, components_json jsonb, scored_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT item_id, product_id, score, coverage, scoring, components, updated_at
    FROM read_models.item_scores WHERE marketplace = 'mercadolibre'
$$;

CREATE VIEW marketplace.ml_search_runs AS SELECT * FROM marketplace.search_runs();
CREATE VIEW marketplace.ml_search_results AS SELECT * FROM marketplace.search_results();
CREATE VIEW marketplace.ml_item_features AS SELECT * FROM marketplace.item_features();
CREATE VIEW marketplace.ml_item_scores AS SELECT * FROM marketplace.item_scores();
