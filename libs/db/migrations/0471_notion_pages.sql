-- Single pages of Notion, each looked at because Notion told that it changed: any number of them beside a synchronisation.
ALTER TABLE market.runs DROP CONSTRAINT runs_kind_check;
ALTER TABLE market.runs ADD CONSTRAINT runs_kind_check
    CHECK (kind IN ('market_data', 'notion_sales', 'notion_page', 'inventory_import', 'dead_stock'));
DROP INDEX market.runs_one_at_a_time;
CREATE UNIQUE INDEX runs_one_at_a_time ON market.runs (kind)
    WHERE status IN ('queued', 'running') AND kind NOT IN ('inventory_import', 'notion_page');
CREATE INDEX run_items_of_waiting_pages ON market.run_items (item) WHERE status = 'waiting';
