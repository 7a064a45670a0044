-- Every order at eBay in the state that was published last: `hash` is SHA-256 of what eBay told, `modified_at` eBay's own
-- time of the change, `asked_at` when eBay was asked. No personal data: the state itself is in the topic alone.
CREATE TABLE ebay_sync.orders (
    account     text        NOT NULL,
    order_id    text        NOT NULL,
    hash        bytea       NOT NULL,
    modified_at timestamptz NOT NULL,
    asked_at    timestamptz NOT NULL,
    PRIMARY KEY (account, order_id)
);

-- How far each account's orders were polled. `modified_until` is the newest modification that a poll which went to its
-- end has seen, by eBay's clock. Whoever polls is its `owner` until `next_at`, then it is another one's turn.
CREATE TABLE ebay_sync.order_polls (
    account        text        PRIMARY KEY,
    modified_until timestamptz,
    next_at        timestamptz NOT NULL DEFAULT now(),
    owner          text,
    ended_at       timestamptz
);

-- Notifications name a listing; its SKU is that of the offer that is listed so.
CREATE INDEX offers_listing ON ebay_sync.offers ((fact::jsonb ->> 'listing_id'));
