"""The read model products: one row per style code."""
