-- What a command with several facts is about to publish, committed before it does, deleted with the rows. One that is
-- still here when its partitions are free was cut off in the middle: whoever locks one of them next finishes it first,
-- so that of a batch all facts are in the log, or none is.
CREATE TABLE commands.batches (
    id         uuid        PRIMARY KEY,
    partitions text[]      NOT NULL, -- 'unified_products:2'
    records    jsonb       NOT NULL, -- [{model, key, event_id, topic, partition, basis, after, value, headers}], bytes in base64
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX batches_of_partitions ON commands.batches USING gin (partitions);
