"""Read models: folding facts into PostgreSQL rows, live and in rebuilds, with a proof that both lead to the same."""
