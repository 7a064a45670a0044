"""Pricing: opportunities computed as their inputs change, and what the market says."""
