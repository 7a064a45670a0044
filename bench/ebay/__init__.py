"""eBay's inventory and offers: the sync document's way and ours, against the sandbox."""
