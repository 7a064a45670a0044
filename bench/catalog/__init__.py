"""The catalog's commands, against the same twelve tables behind plain FastAPI, SQLAlchemy and PostgreSQL (no log)."""
