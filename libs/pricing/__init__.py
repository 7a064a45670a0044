"""Pure pricing: profit, trends, repricing. No clock, no network, no storage."""
