"""Market data of what is in stock, recorded daily; inventory and sales taken in; the dead-stock report."""
