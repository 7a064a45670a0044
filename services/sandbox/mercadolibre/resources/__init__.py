"""MercadoLibre's resources as its API shows them to their owner. Source: developers.mercadolibre.com, per module."""
