-- What the service stockx_poller knows of its own work. Not a read model: commands that were accepted are known only here.
CREATE SCHEMA stockx_poller;

-- Whoever holds an account's lease does all of its work. `fence` grows with every new holder, and whatever a holder writes is
-- written under its fence: a process that was believed dead writes nothing any more.
CREATE TABLE stockx_poller.accounts (
    account       text        PRIMARY KEY,
    owner         text,
    fence         bigint      NOT NULL DEFAULT 0,
    lease_until   timestamptz NOT NULL DEFAULT '-infinity',
    swept_at      timestamptz,          -- when all listings were last read; until the first time nothing is created
    sweep_at      timestamptz NOT NULL DEFAULT '-infinity', -- when the next page of a sweep is due
    sweep_page    integer     NOT NULL DEFAULT 1,
    sweep_began   timestamptz,
    orders_at     timestamptz NOT NULL DEFAULT '-infinity', -- when the next page of active orders is due
    orders_page   integer     NOT NULL DEFAULT 1,
    orders_began  timestamptz,
    history_at    timestamptz NOT NULL DEFAULT '-infinity', -- when the next page of past orders is due
    history_page  integer     NOT NULL DEFAULT 1,
    history_from  date,                 -- the creation of the newest order that was seen among the past ones
    halted_until  timestamptz NOT NULL DEFAULT '-infinity', -- StockX refuses the account
    halted_why    text
);

-- Commands of users, and what StockX makes of them; and operations that were found (`commanded` is false).
-- waiting → sending → pending → succeeded, failed, given_up; sending → doubtful → pending or waiting.
CREATE TABLE stockx_poller.operations (
    id              text        PRIMARY KEY,
    account         text        NOT NULL,
    commanded       boolean     NOT NULL,
    user_id         text,
    idempotency_key text,
    request_hash    bytea,
    kind            text        NOT NULL,
    listing_id      text,
    variant_id      text,
    wants           jsonb       NOT NULL DEFAULT '{}',
    status          text        NOT NULL CHECK (status IN
                    ('waiting', 'sending', 'doubtful', 'pending', 'succeeded', 'failed', 'given_up')),
    accepted_at     timestamptz NOT NULL DEFAULT now(),
    number          bigint      GENERATED ALWAYS AS IDENTITY, -- the order in which they were accepted
    sent_at         timestamptz,
    ended_at        timestamptz,
    attempts        integer     NOT NULL DEFAULT 0,
    alone           boolean     NOT NULL DEFAULT false, -- not in a batch: StockX refused one that it was in
    batch_no        text,
    item_id         text,
    operation_id    text,
    error           text,
    fact            text,                               -- as it was published last
    next_at         timestamptz,                        -- when to poll it, or to look for it
    polls           integer     NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX operations_key ON stockx_poller.operations (account, user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX operations_open ON stockx_poller.operations (account, status, number)
    WHERE status IN ('waiting', 'sending', 'doubtful', 'pending');
CREATE INDEX operations_listing ON stockx_poller.operations (account, listing_id);
CREATE INDEX operations_batch ON stockx_poller.operations (batch_no) WHERE batch_no IS NOT NULL;
CREATE UNIQUE INDEX operations_theirs ON stockx_poller.operations (account, operation_id) WHERE operation_id IS NOT NULL;
CREATE INDEX operations_ended ON stockx_poller.operations (account, ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE stockx_poller.batches (
    batch_no text        PRIMARY KEY,
    account  text        NOT NULL,
    kind     text        NOT NULL,
    batch_id text,                      -- StockX's, once it has answered
    status   text        NOT NULL CHECK (status IN ('sending', 'doubtful', 'pending', 'ended', 'lost')),
    sent_at  timestamptz NOT NULL DEFAULT now(),
    next_at  timestamptz,
    polls    integer     NOT NULL DEFAULT 0
);
CREATE INDEX batches_open ON stockx_poller.batches (account, status) WHERE status IN ('sending', 'doubtful', 'pending');

-- Every listing of every account as it was published last.
CREATE TABLE stockx_poller.listings (
    account       text        NOT NULL,
    listing_id    text        NOT NULL,
    variant_id    text,
    status        text,                 -- StockX's word
    fact          text,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz NOT NULL DEFAULT now(),
    stale         boolean     NOT NULL DEFAULT false, -- an operation has ended: its state must be read
    expects       text,                               -- the status that this operation leads to
    look          boolean     NOT NULL DEFAULT false, -- it was changed by somebody else: its operations must be read
    PRIMARY KEY (account, listing_id)
) WITH (fillfactor = 70);
CREATE INDEX listings_stale ON stockx_poller.listings (account) WHERE stale OR look;

CREATE TABLE stockx_poller.orders (
    account      text        NOT NULL,
    order_number text        NOT NULL,
    digest       bytea       NOT NULL,  -- of the fact that was published last
    active       boolean     NOT NULL,
    placed_on    date        NOT NULL,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (account, order_number)
);

-- Facts that are decided and not published yet, in their order. Published ones are deleted.
CREATE TABLE stockx_poller.outbox (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text   NOT NULL,
    type    text   NOT NULL,
    fact    text   NOT NULL
);
CREATE INDEX outbox_account ON stockx_poller.outbox (account, number);
