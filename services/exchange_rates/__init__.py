"""Exchange rates: the European Central Bank's daily file, fetched and published as facts."""
