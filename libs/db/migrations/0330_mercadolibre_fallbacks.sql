-- What the enrichment goes on from while a marketplace's search is blocked, and which missed notifications were taken in.
-- Not read models: they remember what was done, which no topic tells.
CREATE SCHEMA IF NOT EXISTS ops;

-- Items that are to be enriched, by whoever named them: when each was queued last, so that it is not queued again too soon.
CREATE TABLE ops.item_seeds (
    marketplace text        NOT NULL,
    item_id     text        NOT NULL,
    account     text,                 -- whose item it is, where that is known: others' items are refused
    source      text        NOT NULL, -- order, question, listing, search_run, import; the last one that queued it
    first_at    timestamptz NOT NULL DEFAULT now(),
    queued_at   timestamptz NOT NULL DEFAULT now(),
    times       integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (marketplace, item_id)
);
CREATE INDEX item_seeds_oldest ON ops.item_seeds (marketplace, queued_at, item_id);

-- Imported files, known by their bytes: an import that was stopped goes on behind its last row.
CREATE TABLE ops.item_imports (
    digest      text        PRIMARY KEY,
    name        text        NOT NULL,
    rows_done   bigint      NOT NULL DEFAULT 0,
    queued      bigint      NOT NULL DEFAULT 0,
    known       bigint      NOT NULL DEFAULT 0,
    refused     bigint      NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- Missed notifications that were looked at, by the id of their event. Rows outlive the feed's two days, then they go.
CREATE TABLE ops.missed_notifications (
    event_id   uuid        PRIMARY KEY,
    account    text        NOT NULL,
    topic      text        NOT NULL,
    resource   text,
    outcome    text        NOT NULL CHECK (outcome IN ('published', 'received')), -- received: it had come in after all
    decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX missed_notifications_age ON ops.missed_notifications (decided_at);
