"""GOAT, as its seller API (alias) tells its catalog."""
