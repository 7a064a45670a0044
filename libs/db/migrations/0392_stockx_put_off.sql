-- A listing whose state or operations StockX cannot tell (5xx) is asked for later; everything else goes on meanwhile.
ALTER TABLE stockx_poller.listings ADD COLUMN ask_at timestamptz NOT NULL DEFAULT '-infinity';

-- How often StockX has answered 403 to a command: to it alone, if the account's other requests are answered.
ALTER TABLE stockx_poller.operations ADD COLUMN forbidden integer NOT NULL DEFAULT 0;
