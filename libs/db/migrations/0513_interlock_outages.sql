-- Since when the marketplace has been away for this take-off: it is asked ever more seldom, and never given up.
ALTER TABLE interlock.take_offs ADD COLUMN away_since timestamptz;
