-- The documented table of the search pipeline's jobs, under its documented name.
CREATE SCHEMA IF NOT EXISTS mercadolibre;

CREATE VIEW mercadolibre.ml_jobs AS
SELECT id, job_type, payload_json, status, priority, attempts, max_attempts, available_at, locked_by, locked_until,
       last_error, created_at, updated_at
FROM ops.jobs WHERE queue = 'mercadolibre';
