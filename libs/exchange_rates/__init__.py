"""Exchange rates: the European Central Bank's daily file, and amounts converted as of a day."""
