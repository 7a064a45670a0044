"""The service privacy: marketplaces' notices that a user closed the account lead to that user's erasure."""
