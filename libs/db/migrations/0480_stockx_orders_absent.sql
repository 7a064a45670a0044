-- In how many rounds an order of stockx_poller that goes on was on no page of the active ones: it is asked for by itself, first often.
ALTER TABLE stockx_poller.orders ADD COLUMN absent integer NOT NULL DEFAULT 0;
