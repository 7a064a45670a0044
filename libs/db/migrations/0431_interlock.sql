CREATE SCHEMA interlock;

-- Who has a product's physical units. `fence` rises with every change of it: what was decided under an older one is void.
CREATE TABLE interlock.products (
    unified_product_id bigint PRIMARY KEY,
    fence              bigint NOT NULL DEFAULT 0
);

-- Orders by product, in the order in which they came. `held`: the units are this order's. `oversold`: there were none
-- left; `advice` says what to do. `released`: cancelled, returned or refunded; that is the end.
CREATE TABLE interlock.reservations (
    unified_product_id bigint      NOT NULL REFERENCES interlock.products,
    order_key          text        NOT NULL, -- 'mercadolibre:2000'
    units              integer     NOT NULL CHECK (units > 0),
    state              text        NOT NULL CHECK (state IN ('held', 'oversold', 'released')),
    fence              bigint      NOT NULL, -- of the product, when the state came to be
    advice             text,
    reserved_at        timestamptz NOT NULL DEFAULT now(),
    changed_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (unified_product_id, order_key)
);
CREATE INDEX reservations_oversold ON interlock.reservations (changed_at) WHERE state = 'oversold';

-- Listings to be taken off because the last unit is sold; the work itself is a job in ops.jobs, queue `interlock`.
CREATE TABLE interlock.take_offs (
    sell_listing_id    bigint      NOT NULL,
    fence              bigint      NOT NULL,
    unified_product_id bigint      NOT NULL,
    channel            text        NOT NULL,
    market             text        NOT NULL,
    channel_item_id    text        NOT NULL,
    wanted_at          timestamptz NOT NULL DEFAULT now(),
    done_at            timestamptz,
    last_error         text,
    PRIMARY KEY (unified_product_id, fence, sell_listing_id)
);
CREATE INDEX take_offs_open ON interlock.take_offs (wanted_at) WHERE done_at IS NULL;
