"""The read model listing_operations: one row per operation on a listing."""
