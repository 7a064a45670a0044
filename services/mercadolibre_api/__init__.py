"""MercadoLibre for our own people and programs: authorisation, proxies, the pipeline's commands."""
