-- Prices that were changed in live mode are carried to the marketplaces by the publisher: job queue `repricing`.
ALTER TABLE pricing.price_proposals
    ADD COLUMN carried_at  timestamptz, -- the marketplace has taken it
    ADD COLUMN carry_error text;        -- why it has not, so far or for good
