"""The read model item_scores: one row per scored item."""
