"""Commands: decided against the live rows, published, and applied, in one PostgreSQL transaction."""
