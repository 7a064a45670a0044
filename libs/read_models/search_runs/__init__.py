"""The read model search_runs: one row per search run, with its results."""
