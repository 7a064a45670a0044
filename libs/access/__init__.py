"""Access to marketplaces, as several services are configured for it: one form of settings, one way to open a client."""
