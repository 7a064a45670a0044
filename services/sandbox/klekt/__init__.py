"""Klekt, invented: it publishes no API."""
