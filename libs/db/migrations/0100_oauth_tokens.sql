-- Token pairs of accounts at marketplaces. A refresh token is good for one use, so this table is the only copy of the
-- right to act for an account: not a read model, never rebuilt. `seed` is the SHA-256 of the configured refresh token
-- that the row began with: when a person configures another one, the row begins anew.
CREATE SCHEMA IF NOT EXISTS oauth;

CREATE TABLE oauth.tokens (
    client        text        NOT NULL,
    account       text        NOT NULL,
    access_token  text        NOT NULL,
    refresh_token text        NOT NULL,
    expires_at    timestamptz,
    seed          bytea       NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client, account)
);
