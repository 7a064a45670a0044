"""The read model recorded_sales: one row per sale that a person wrote down."""
