"""The read model market_data: one row per platform, product and size, with the history of its prices."""
