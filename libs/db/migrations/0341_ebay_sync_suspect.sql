-- A SKU is suspect when the Active Inventory Report tells other listings of it than those that are known: an incremental
-- run then asks for its offers.
ALTER TABLE ebay_sync.items ADD COLUMN suspect boolean NOT NULL DEFAULT false;
