"""A cost rule changes: opportunities computed anew by pricing's board, and by one SQL statement in PostgreSQL."""
