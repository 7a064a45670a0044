-- One row per scored item, with the reasons [{name, value, weight, points, reason}]. With the documented name: the
-- view mercadolibre.ml_item_scores.
CREATE TABLE {schema}.item_scores (
    key               text        NOT NULL,
    marketplace       text        NOT NULL,
    item_id           text        NOT NULL,
    product_id        text,
    score             numeric,              -- 0 to 100; null: nothing is known
    coverage          numeric     NOT NULL,
    scoring           text        NOT NULL,
    components        jsonb       NOT NULL,
    features_event_id text        NOT NULL,
    updated_at        timestamptz NOT NULL, -- when it was scored
    event_id          text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id    text,
    log_topic         text        NOT NULL,
    log_partition     integer     NOT NULL,
    log_offset        bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.item_scores ADD PRIMARY KEY (key);
CREATE INDEX item_scores_newest ON {schema}.item_scores (updated_at DESC, key DESC);
CREATE INDEX item_scores_best ON {schema}.item_scores (score DESC NULLS LAST, key);
