"""The read model stock_items: one row per size of a product that a user has imported."""
