"""The read model feedback: one row per order that buyer or seller gave feedback on."""
