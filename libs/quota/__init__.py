"""How often something may be asked for, counted once for all replicas (PostgreSQL)."""
