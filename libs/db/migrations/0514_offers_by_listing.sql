-- Tables of offers that were built before table.sql had this index. It changes no row, so that no rebuild is needed. One
-- that is being filled gets its keys and indexes when it is full.
DO $$
DECLARE
    build record;
BEGIN
    FOR build IN SELECT schema_name FROM projection.builds WHERE read_model = 'offers'
        AND EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(format('%I.offers', schema_name)) AND indisprimary)
    LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS offers_listing_id ON %I.offers USING hash (listing_id)', build.schema_name
        );
    END LOOP;
END
$$;
