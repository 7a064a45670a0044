-- Answers of StockX that could not be read, on their way to the dead letters; the same one goes there once.
CREATE TABLE stockx_poller.unreadable (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text        NOT NULL,
    digest  bytea       NOT NULL,
    route   text        NOT NULL,
    raw     bytea,                 -- as it came; none once it is in the dead letters
    why     text        NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account, digest)
);
CREATE INDEX unreadable_waiting ON stockx_poller.unreadable (account, number) WHERE raw IS NOT NULL;
