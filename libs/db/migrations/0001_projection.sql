-- Where each copy of a read model stands in the log, and which copies there are. The read models' own tables are not
-- migrated: a change is a new version, built beside the old one and swapped in.
CREATE SCHEMA projection;

CREATE SCHEMA read_models;
CREATE SCHEMA rebuild;
CREATE SCHEMA retired;
CREATE SCHEMA verification;
CREATE SCHEMA passage; -- where a table is for a moment when two exchange their places

-- A build is one copy of a read model's table. `place` says what it is for:
--   live     read by everybody, fed by the projector     schema read_models
--   shadow   filled by a rebuild                          schema rebuild
--   retired  the live one before the last swap            schema retired
--   check    filled by a verification or a dry run        schema verification
--   as_of    the state at a moment in the past            a schema of its own
CREATE TABLE projection.builds (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    read_model  text        NOT NULL,
    place       text        NOT NULL CHECK (place IN ('live', 'shadow', 'retired', 'check', 'as_of')),
    schema_name text        NOT NULL,
    version     integer     NOT NULL,
    fingerprint text        NOT NULL, -- of the table's definition and of the code that folds into it
    target      jsonb,                -- as_of: where it ends, {"topic": {"partition": next_offset}}
    created_at  timestamptz NOT NULL DEFAULT now(),
    placed_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, place),
    -- Deferred: a swap exchanges the places of two builds within one transaction.
    UNIQUE (read_model, schema_name) DEFERRABLE INITIALLY DEFERRED
);

-- `place` is carried along with the build's: a swap therefore changes these rows, and an update that waited for it
-- (WHERE place = 'live' AND next_offset = …) finds no row. That is the projector's fence.
CREATE TABLE projection.checkpoints (
    build       bigint      NOT NULL,
    place       text        NOT NULL,
    topic       text        NOT NULL, -- the declared name, without the installation's prefix
    partition   integer     NOT NULL,
    next_offset bigint      NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
    records     bigint      NOT NULL DEFAULT 0, -- read since the build began
    skipped     bigint      NOT NULL DEFAULT 0, -- of these: unreadable (dead letters of the projector)
    moved_at    timestamptz,                    -- null: nothing was read yet
    PRIMARY KEY (build, topic, partition),
    FOREIGN KEY (build, place) REFERENCES projection.builds (id, place) ON UPDATE CASCADE ON DELETE CASCADE
);
