-- Whose personal data the topics and read models hold, sealed. Not a read model, never rebuilt: a key that is destroyed
-- makes what it sealed unreadable everywhere, for ever.
CREATE SCHEMA privacy;

-- subject: a person (`mercadolibre:123`), or a deal by which one is known (`mercadolibre:order/9`). key: sealed by
-- libs/secrets; NULL once it is destroyed, and no other key is made for that subject.
CREATE TABLE privacy.keys (
    key_id       text        PRIMARY KEY,
    subject      text        NOT NULL UNIQUE,
    key          bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((key IS NULL) = (destroyed_at IS NOT NULL))
);

-- Who is behind what: a deal belongs to a person, or to another deal. A person is erased together with them.
CREATE TABLE privacy.ties (
    subject    text NOT NULL,
    belongs_to text NOT NULL,
    PRIMARY KEY (subject, belongs_to)
);
CREATE INDEX ties_belongs_to ON privacy.ties (belongs_to);

-- The audit: who was erased, when, by whom, why. A marketplace's notice is entered once, however often it comes.
CREATE TABLE privacy.erasures (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person    text        NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    by        text        NOT NULL,
    reason    text        NOT NULL,
    notice    text,                 -- the marketplace's own identity of its notice
    keys      integer     NOT NULL, -- how many keys this destroyed
    UNIQUE (person, notice)
);
