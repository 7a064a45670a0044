"""The read model offers: one row per offer of an account."""
