"""The stand-in for StockX."""
