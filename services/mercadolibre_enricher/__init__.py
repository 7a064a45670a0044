"""MercadoLibre's notifications → the full state of what they point to, as facts."""
