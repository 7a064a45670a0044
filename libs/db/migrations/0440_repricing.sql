-- Repricing: what people decided about listings' prices, and what followed. It is no read model: nothing in the log says it.
CREATE SCHEMA IF NOT EXISTS pricing;

CREATE TABLE pricing.repricing_rules (
    sell_listing_id bigint      PRIMARY KEY,
    version         integer     NOT NULL DEFAULT 1, -- one more at each change
    rule            jsonb       NOT NULL,           -- as it was given
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE pricing.price_proposals (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sell_listing_id bigint      NOT NULL,
    rule_version    integer     NOT NULL,
    mode            text        NOT NULL, -- test: kept, and nothing is done; live: the listing's price was changed
    current_usd     numeric     NOT NULL,
    price_usd       numeric     NOT NULL,
    explanation     text        NOT NULL, -- the whole decision in sentences
    details         jsonb       NOT NULL, -- inputs, steps, guardrails
    applied_at      timestamptz,
    proposed_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX price_proposals_of_listing ON pricing.price_proposals (sell_listing_id, id DESC);
