"""The read model listings: one row per listing."""
