"""What the service lives on when the usual way is closed: missed notifications, and items named by other sources."""
