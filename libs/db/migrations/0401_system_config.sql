-- Secrets of the whole system, such as `stockx_client_secret`, sealed (libs/secrets): AES-256-GCM ciphertexts that are
-- bound to their row. Tokens of accounts stand in oauth.tokens, sealed in the same way.
CREATE SCHEMA IF NOT EXISTS core;

CREATE TABLE core.secrets (
    key             text        PRIMARY KEY,
    encrypted_value bytea       NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- The documented table: every secret of StockX's clients under its key, tokens included. What it tells is ciphertext;
-- the key that opens it is in the environment alone.
CREATE VIEW core.system_config AS
SELECT key, encrypted_value, updated_at FROM core.secrets
UNION ALL
SELECT 'stockx_access_token/' || account, access_token, coalesce(updated_at, created_at)
FROM oauth.tokens WHERE client LIKE 'stockx%'
UNION ALL
SELECT 'stockx_refresh_token/' || account, refresh_token, coalesce(updated_at, created_at)
FROM oauth.tokens WHERE client LIKE 'stockx%';
