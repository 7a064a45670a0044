"""The read model inventory: one row per SKU of an account."""
