"""The read model shipments: one row per shipment."""
