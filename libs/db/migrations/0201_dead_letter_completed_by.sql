-- Who finished an action: somebody else than the one who decided it, where that one was interrupted.
ALTER TABLE ops.dead_letter_actions ADD COLUMN completed_by text;
UPDATE ops.dead_letter_actions SET completed_by = who WHERE completed_at IS NOT NULL;
