-- What an order that is `oversold` has all the same: it held so many before it was known that it is of more.
ALTER TABLE interlock.reservations ADD COLUMN kept integer NOT NULL DEFAULT 0;

-- Orders with lines whose listings nobody has entered yet: they are counted again when one is.
CREATE TABLE interlock.waiting_orders (
    order_key    text        PRIMARY KEY,
    marketplace  text        NOT NULL,
    names        text[]      NOT NULL, -- under which those listings may come: item and variation, item, SKU
    lines        jsonb       NOT NULL, -- all lines of the order
    waiting_from timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX waiting_orders_names ON interlock.waiting_orders USING gin (names);
