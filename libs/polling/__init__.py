"""Polls of what others have, each by one process at a time, from where the last one ended."""
