"""The matcher: which product an offer or a listing is, found by the system, linked or left to a person."""
