"""The rebuild of a read model against other ways to bring a topic into PostgreSQL."""
