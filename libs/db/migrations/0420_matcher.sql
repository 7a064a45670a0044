-- Vectors of titles, by the SHA-256 of the model's name and the title as it is read: what was computed once (10 ms of a
-- CPU each) is not computed again at the next start. A cache: what is lost is computed anew.
CREATE SCHEMA IF NOT EXISTS matcher;

CREATE TABLE matcher.vectors (
    text_sha bytea PRIMARY KEY CHECK (length(text_sha) = 32),
    vector   bytea NOT NULL
);
