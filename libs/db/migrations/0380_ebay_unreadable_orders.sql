-- Orders that the poll could not read and put into the dead letters: each state once, however often a poll sees it.
-- `hash` is SHA-256 of what eBay told; the state itself is in the dead letter alone.
CREATE TABLE ebay_sync.unreadable_orders (
    account  text        NOT NULL,
    hash     bytea       NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, hash)
);
CREATE INDEX unreadable_orders_seen ON ebay_sync.unreadable_orders (seen_at);
