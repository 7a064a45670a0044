CREATE SCHEMA order_desk;

-- Facts that cannot be turned into rows of the catalog yet, because something that they refer to is not there: an order
-- whose listing nobody has entered, a parcel of such an order. When it comes, they are looked at again. A fact stands
-- here as it stands in its topic, personal data sealed; of one entity only the newest does.
CREATE TABLE order_desk.waiting (
    key        text        PRIMARY KEY, -- topic and key of the fact
    waits_for  text[]      NOT NULL,    -- 'item mercadolibre MLM1', 'order mercadolibre 2000'
    why        text        NOT NULL,
    event_type text        NOT NULL,
    fact       jsonb       NOT NULL,
    updated_at timestamptz NOT NULL,    -- the fact's own time: an older state never replaces a newer one
    since      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX waiting_for ON order_desk.waiting USING gin (waits_for);
CREATE INDEX waiting_since ON order_desk.waiting (since);
