-- Which messages the order desk has seen, so that the same words written again are told from the same message coming
-- again. No text stands here. A row is written before the ticket is changed: `before` tells what stood there then.
CREATE TABLE order_desk.messages (
    marketplace text    NOT NULL,
    thread_id   text    NOT NULL,
    message_id  text    NOT NULL,
    before      integer NOT NULL,               -- how often the ticket held these words when the message first came
    added       boolean NOT NULL DEFAULT false, -- whether its words were added to a ticket since
    PRIMARY KEY (marketplace, thread_id, message_id)
);
