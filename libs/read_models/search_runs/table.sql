-- One row per search run, with its results [{item_id, …, raw_json}]. As tables with the documented names and columns, see
-- the views mercadolibre.ml_search_runs and mercadolibre.ml_search_results.
CREATE TABLE {schema}.search_runs (
    key           text        NOT NULL,
    marketplace   text        NOT NULL,
    search_run_id bigint      NOT NULL,
    site_id       text        NOT NULL,
    query_text    text        NOT NULL,
    domain_id     text,
    category_id   text,
    filters_json  jsonb,
    status        text        NOT NULL,
    http_status   integer     NOT NULL,
    error_json    jsonb,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL,
    results       jsonb       NOT NULL,
    results_count integer     NOT NULL,
    deleted       boolean     NOT NULL, -- the row stays: a number is never used again
    updated_at    timestamptz NOT NULL, -- when the command was decided
    event_id      text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id text,
    log_topic     text        NOT NULL,
    log_partition integer     NOT NULL,
    log_offset    bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.search_runs ADD PRIMARY KEY (key);
CREATE INDEX search_runs_newest ON {schema}.search_runs (updated_at DESC, key DESC);
CREATE INDEX search_runs_number ON {schema}.search_runs (search_run_id);
