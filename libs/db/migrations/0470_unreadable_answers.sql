-- Answers of marketplaces that a service asked and could not read, on their way to its own dead letters; the same one goes
-- there once. stockx_poller keeps its own in stockx_poller.unreadable, under its lease.
CREATE SCHEMA unreadable;

CREATE TABLE unreadable.answers (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text        NOT NULL,
    origin  text        NOT NULL,  -- the marketplace
    account text        NOT NULL,  -- ours there; empty where there is none
    digest  bytea       NOT NULL,
    route   text        NOT NULL,
    raw     bytea,                 -- as it came; none once it is in the dead letters
    why     text        NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (service, origin, account, digest)
);
CREATE INDEX answers_waiting ON unreadable.answers (service, number) WHERE raw IS NOT NULL;
