"""Stand-in for MercadoLibre: OAuth, orders, shipments, questions, payments, items, missed_feeds, notifications."""
