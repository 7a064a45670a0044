"""Secrets at rest: sealed with AES-256-GCM, bound to the row and column that they stand in, keys replaceable."""
