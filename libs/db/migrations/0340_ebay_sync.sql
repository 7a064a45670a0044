-- What the service ebay_sync knows of its own work. Not a read model: it is never rebuilt. Losing it costs one full run.
CREATE SCHEMA ebay_sync;

-- A run is one synchronisation of one account. Who does it holds a lease; `fence` grows with every new holder, and
-- whatever a holder writes is written under its fence: a process that was believed dead writes nothing any more.
CREATE TABLE ebay_sync.runs (
    run_id            text        PRIMARY KEY,
    kind              text        NOT NULL CHECK (kind IN ('inventory', 'offers')),
    mode              text        NOT NULL CHECK (mode IN ('full', 'incremental', 'retry')),
    account           text        NOT NULL,
    user_id           text        NOT NULL,
    requested_by      text        NOT NULL,
    retry_of          text        REFERENCES ebay_sync.runs (run_id) ON DELETE SET NULL,
    status            text        NOT NULL DEFAULT 'started'
                                  CHECK (status IN ('started', 'running', 'completed', 'stopped', 'failed')),
    error             text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    began_at          timestamptz,          -- when its first holder began
    ended_at          timestamptz,
    stop_requested_at timestamptz,
    owner             text,
    fence             bigint      NOT NULL DEFAULT 0,
    lease_until       timestamptz NOT NULL DEFAULT now(),
    place             jsonb       NOT NULL DEFAULT '{}', -- where a new holder goes on
    counts            jsonb       NOT NULL DEFAULT '{}', -- fetched, stored, unchanged, …
    last_event        bigint      NOT NULL DEFAULT 0
);
-- One run of a kind at a time for each account: two would only do the same work twice.
CREATE UNIQUE INDEX runs_active ON ebay_sync.runs (account, kind) WHERE status IN ('started', 'running');
CREATE INDEX runs_newest ON ebay_sync.runs (account, created_at DESC);

-- What a run says, line by line; the number is the SSE event id.
CREATE TABLE ebay_sync.events (
    run_id text        NOT NULL REFERENCES ebay_sync.runs (run_id) ON DELETE CASCADE,
    number bigint      NOT NULL,
    at     timestamptz NOT NULL,
    kind   text        NOT NULL,
    text   text        NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- SKUs that a run could not get. They can be tried again alone.
CREATE TABLE ebay_sync.failures (
    run_id   text    NOT NULL REFERENCES ebay_sync.runs (run_id) ON DELETE CASCADE,
    sku      text    NOT NULL,
    error    text    NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (run_id, sku)
);

-- Every SKU of every account as it was published last, and when eBay was asked. `hash` and `offers_hash` are SHA-256 of
-- what eBay told: the same again is not published again. The log's place says which row of the read model it became.
CREATE TABLE ebay_sync.items (
    account         text        NOT NULL,
    sku             text        NOT NULL,
    hash            bytea       NOT NULL,
    offers_hash     bytea,
    fact            text        NOT NULL,
    gone            boolean     NOT NULL DEFAULT false,
    seen_at         timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL, -- when the item was last found in another state
    offers_asked_at timestamptz,
    published_by    text        NOT NULL, -- the run
    log_partition   integer     NOT NULL,
    log_offset      bigint      NOT NULL,
    PRIMARY KEY (account, sku)
) WITH (fillfactor = 80); -- every run updates `seen_at` of every row

CREATE TABLE ebay_sync.offers (
    account       text    NOT NULL,
    offer_id      text    NOT NULL,
    sku           text    NOT NULL,
    hash          bytea   NOT NULL,
    fact          text    NOT NULL,
    gone          boolean NOT NULL DEFAULT false,
    published_by  text    NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint  NOT NULL,
    PRIMARY KEY (account, offer_id)
);
CREATE INDEX offers_sku ON ebay_sync.offers (account, sku);

-- The last run that went to its end, for each account and kind: where the next incremental one begins.
CREATE TABLE ebay_sync.ebay_sync_cursors (
    account      text        NOT NULL,
    kind         text        NOT NULL,
    run_id       text        NOT NULL,
    began_at     timestamptz NOT NULL,
    completed_at timestamptz NOT NULL,
    PRIMARY KEY (account, kind)
);
