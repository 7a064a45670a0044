-- market_data: runs (synchronisations, imports, reports), what each has done so far, and the reports.
CREATE SCHEMA market;

-- Since when there is a timetable: moments before it are not made up for.
CREATE TABLE market.installed (at timestamptz NOT NULL DEFAULT now());
INSERT INTO market.installed DEFAULT VALUES;

CREATE TABLE market.runs (
    run_id            text        PRIMARY KEY,
    kind              text        NOT NULL CHECK (kind IN ('market_data', 'notion_sales', 'inventory_import', 'dead_stock')),
    status            text        NOT NULL DEFAULT 'queued'
                                  CHECK (status IN ('queued', 'running', 'stopped', 'completed', 'refused', 'failed')),
    user_id           text,                 -- whose it is; null: everybody's
    requested_by      text        NOT NULL, -- a user, or schedule
    scheduled_for     timestamptz,          -- the moment of the schedule that it was begun for
    total             integer,              -- items; null until they are known
    waits             text,                 -- for what it waits now
    error             text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    began_at          timestamptz,
    ended_at          timestamptz,
    stop_requested_at timestamptz,
    UNIQUE (kind, scheduled_for)            -- of all replicas one begins a moment's run
);
CREATE INDEX runs_newest ON market.runs (created_at DESC);
CREATE UNIQUE INDEX runs_one_at_a_time ON market.runs (kind)
    WHERE status IN ('queued', 'running') AND kind <> 'inventory_import';

-- A run's items: a product to be asked about, a row of a file, a sale. What is done is not done again.
CREATE TABLE market.run_items (
    run_id  text    NOT NULL REFERENCES market.runs ON DELETE CASCADE,
    number  integer NOT NULL,
    item    text    NOT NULL,
    told    jsonb,                          -- what is to be done, or the fact that is to be published
    status  text    NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'checked', 'done', 'not_on_stockx', 'failed')),
    detail  text,
    PRIMARY KEY (run_id, number)
);
CREATE INDEX run_items_waiting ON market.run_items (run_id, number) WHERE status IN ('waiting', 'checked');

-- Notion's sales: those that have been recorded, and those whose product was not found, by their last edit there.
CREATE TABLE market.notion_pages (
    page_id        text        PRIMARY KEY,
    last_edited_at timestamptz NOT NULL,
    recorded       boolean     NOT NULL,
    tried_at       timestamptz NOT NULL
);

CREATE TABLE market.reports (
    report_id  text        NOT NULL REFERENCES market.runs (run_id) ON DELETE CASCADE,
    user_id    text        NOT NULL,
    made_at    timestamptz NOT NULL,
    report     jsonb       NOT NULL,
    PRIMARY KEY (report_id, user_id)
);
CREATE INDEX reports_newest ON market.reports (user_id, made_at DESC);
