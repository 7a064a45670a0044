"""StockX's listing operations: how few calls they take, and how soon their end is known, against the sandbox."""
