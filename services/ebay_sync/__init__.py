"""The service ebay_sync: inventory and offers of eBay accounts, synchronised on command, on schedule, and live to see."""
