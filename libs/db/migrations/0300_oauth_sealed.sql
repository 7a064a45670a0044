-- Token pairs and OAuth states, sealed (libs/secrets): the columns of type bytea hold AES-256-GCM ciphertexts that are
-- bound to their row. One store for every client and account; not a read model, never rebuilt.
--
-- What stood in plain text until now waits in oauth.unsealed_tokens: a service that is configured for such an account
-- takes its row over, sealed, when it starts (libs/oauth/store.py).
ALTER TABLE oauth.tokens RENAME TO unsealed_tokens;
ALTER INDEX oauth.tokens_pkey RENAME TO unsealed_tokens_pkey;

-- client: the API and the application there, such as `mercadolibre/6456467593800000`; account: the user's id there.
-- seed: SHA-256 of the configured refresh token that the row began with, or that it was found beside.
-- spending_since, spending_by: when and by whom the refresh token was sent, until what came of it is stored. A row that
--   keeps them after a crash tells why its refresh token may be spent.
-- authorized_at: when a person agreed in a browser; NULL for a configured token.
CREATE TABLE oauth.tokens (
    id             bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    client         text        NOT NULL,
    account        text        NOT NULL,
    access_token   bytea       NOT NULL,
    refresh_token  bytea       NOT NULL,
    expires_at     timestamptz,
    seed           bytea,
    spending_since timestamptz,
    spending_by    text,
    authorized_at  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz,
    PRIMARY KEY (client, account)
);

-- A person was sent to authorise; the answer must bring the state back, once, before it expires.
CREATE TABLE oauth.states (
    id            bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    client        text        NOT NULL,
    state         text        NOT NULL,
    code_verifier bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (client, state)
);
CREATE INDEX states_expire ON oauth.states (expires_at);

-- The names of MercadoLibre's documentation: the same rows, for who looks there.
CREATE SCHEMA IF NOT EXISTS mercadolibre;

CREATE VIEW mercadolibre.ml_tokens AS
SELECT id, split_part(client, '/', 2) AS application_id, account AS user_id, access_token, refresh_token, expires_at,
       created_at, updated_at
FROM oauth.tokens WHERE client LIKE 'mercadolibre/%';

CREATE VIEW mercadolibre.ml_oauth_states AS
SELECT id, state, code_verifier, created_at, used_at
FROM oauth.states WHERE client LIKE 'mercadolibre/%';
