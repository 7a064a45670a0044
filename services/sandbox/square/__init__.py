"""Stand-in for Square: signed notifications."""
