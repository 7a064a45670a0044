"""Which offers and listings are the same product: barcodes, style codes, titles."""
