"""The read model items: one row per item on sale at a marketplace, with its features."""
