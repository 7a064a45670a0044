"""Searching StockX's catalog, and all marketplaces at once; products of ours learn their StockX id."""
