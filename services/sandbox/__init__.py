"""Stand-in marketplaces: their HTTP APIs and their notifications, seeded, with faults on request."""
