-- stockx_poller: batches that are full, and asked for once; see services/stockx_poller/README.md.

-- In how large a batch a command may be sent: StockX refused a larger one. None: as large as batches are.
ALTER TABLE stockx_poller.operations ADD COLUMN pack integer;
UPDATE stockx_poller.operations SET pack = 1 WHERE alone;
ALTER TABLE stockx_poller.operations DROP COLUMN alone;

-- StockX's time of the listing's last change before the command was sent; none if that was not known then.
ALTER TABLE stockx_poller.operations ADD COLUMN before timestamptz;

-- Whether the states of its listings can tell that the items have ended. A batch whose answer was lost has no batch_id.
ALTER TABLE stockx_poller.batches ADD COLUMN by_states boolean NOT NULL DEFAULT false;

-- The batch that made the listing, as StockX tells it: pages of listings can be narrowed to it.
ALTER TABLE stockx_poller.listings ADD COLUMN batch_id text;

-- After how many seconds batches of a kind have ended, as learned; `late`: how many had not ended when they were asked for.
CREATE TABLE stockx_poller.durations (
    account text             NOT NULL,
    kind    text             NOT NULL,
    seconds double precision NOT NULL,
    late    bigint           NOT NULL DEFAULT 0,
    PRIMARY KEY (account, kind)
);
