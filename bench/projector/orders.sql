-- The read model that every peer fills: a row per order. (sellstream: flat_orders/table.sql.)
CREATE TABLE orders (
    marketplace        text           NOT NULL,
    order_id           text           NOT NULL,
    account            text           NOT NULL,
    status             text           NOT NULL,
    marketplace_status text           NOT NULL,
    placed_at          timestamptz    NOT NULL,
    updated_at         timestamptz    NOT NULL,
    total_amount       numeric        NOT NULL,
    total_currency     text           NOT NULL,
    buyer_id           text           NOT NULL,
    item_id            text           NOT NULL,
    PRIMARY KEY (marketplace, order_id)
);
