"""OAuth 2 credentials: kept over restarts, refreshed once."""
