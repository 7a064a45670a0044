"""The read model orders: one row per order."""
