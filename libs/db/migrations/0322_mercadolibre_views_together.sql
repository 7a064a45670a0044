-- The documented names all stand in the schema mercadolibre, beside ml_tokens and ml_oauth_states.
ALTER VIEW marketplace.ml_search_runs SET SCHEMA mercadolibre;
ALTER VIEW marketplace.ml_search_results SET SCHEMA mercadolibre;
ALTER VIEW marketplace.ml_item_features SET SCHEMA mercadolibre;
ALTER VIEW marketplace.ml_item_scores SET SCHEMA mercadolibre;
ALTER FUNCTION marketplace.search_runs() SET SCHEMA mercadolibre;
ALTER FUNCTION marketplace.search_results() SET SCHEMA mercadolibre;
ALTER FUNCTION marketplace.item_features() SET SCHEMA mercadolibre;
ALTER FUNCTION marketplace.item_scores() SET SCHEMA mercadolibre;
DROP SCHEMA marketplace;
