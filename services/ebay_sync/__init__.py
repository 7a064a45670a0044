"""The service ebay_sync: inventory and offers of eBay accounts, synchronised and live to see."""
