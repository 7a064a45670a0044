"""StockX: listings changed by command, operations followed to their end, orders polled; all within the quota."""
