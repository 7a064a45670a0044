"""Notion's API, as far as reading databases goes."""
