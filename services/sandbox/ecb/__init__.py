"""Stand-in for the European Central Bank's daily files."""
