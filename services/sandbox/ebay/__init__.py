"""Stand-in for eBay: application tokens, public keys, signed notifications, endpoint validation."""
