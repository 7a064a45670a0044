"""The read model claims: one row per claim of a buyer."""
