"""Stand-in for Notion: one database of sales."""
