"""The read model messages: one row per message after a sale."""
