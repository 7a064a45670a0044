"""The read model flat_orders: the peers' table."""
