"""Topics and a database of its own for each test that asks, as in tests/integration."""

from tests.integration.conftest import database_url, kafka, migrated, publisher

__all__ = ["database_url", "kafka", "migrated", "publisher"]
