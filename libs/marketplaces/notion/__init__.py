"""Notion's webhooks. What it is asked over its API stands in libs/notion."""
