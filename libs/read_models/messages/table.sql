-- One row per message after a sale, with its status history [{status, marketplace_status, at, event_id}].
CREATE TABLE {schema}.messages (
    key                text        NOT NULL,
    marketplace        text        NOT NULL,
    account            text        NOT NULL,
    message_id         text        NOT NULL,
    status             text        NOT NULL,
    marketplace_status text        NOT NULL,
    status_history     jsonb       NOT NULL,
    thread_id          text,
    direction          text        NOT NULL,
    sender_id          text,
    recipient_id       text,
    subject            text,
    message            text        NOT NULL,
    attachments        text[]      NOT NULL,
    sent_at            timestamptz NOT NULL,
    read_at            timestamptz,
    updated_at         timestamptz NOT NULL, -- the marketplace's own time of the change
    event_id           text        NOT NULL, -- the fact that made the row what it is, and where it stands in the log
    correlation_id     text,
    log_topic          text        NOT NULL,
    log_partition      integer     NOT NULL,
    log_offset         bigint      NOT NULL
);
-- A rebuild runs what follows when the table is full.
ALTER TABLE {schema}.messages ADD PRIMARY KEY (key);
CREATE INDEX messages_newest ON {schema}.messages (updated_at DESC, key DESC);
CREATE INDEX messages_thread_id ON {schema}.messages (thread_id, sent_at);
