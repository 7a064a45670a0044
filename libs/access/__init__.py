"""Access to marketplaces for several services: one form of settings, one way to open a client, one table of fates."""
