CREATE SCHEMA amazon_orders;

-- How far each account's orders were polled. `updated_until` is the newest change that a poll which went to its end has
-- seen, by Amazon's clock. Whoever polls is its `owner` until `next_at`, then it is another one's turn.
CREATE TABLE amazon_orders.polls (
    account       text        NOT NULL,
    market        text        NOT NULL,
    updated_until timestamptz,
    next_at       timestamptz NOT NULL DEFAULT now(),
    owner         text,
    ended_at      timestamptz,
    PRIMARY KEY (account, market)
);

-- Every order in the state that was published last: `hash` is SHA-256 of what Amazon told of it, `lines` what was sold.
-- No personal data: the state itself is in the topic alone.
CREATE TABLE amazon_orders.orders (
    account    text        NOT NULL,
    order_id   text        NOT NULL,
    hash       bytea       NOT NULL,
    updated_at timestamptz NOT NULL,
    lines      jsonb       NOT NULL,
    PRIMARY KEY (account, order_id)
);

-- What could not be read, and is in the dead letters: each state once, however often a poll sees it. No content.
CREATE TABLE amazon_orders.unreadable (
    number  bigint      GENERATED ALWAYS AS IDENTITY,
    account text        NOT NULL,
    hash    bytea       NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, hash)
);
