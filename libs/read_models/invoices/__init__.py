"""The read model invoices: one row per fiscal invoice."""
