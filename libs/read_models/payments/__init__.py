"""The read model payments: one row per payment."""
