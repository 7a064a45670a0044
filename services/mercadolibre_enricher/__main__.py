"""`python -m services.mercadolibre_enricher`."""

from libs.service import run
from services.mercadolibre_enricher.app import build
from services.mercadolibre_enricher.config import Config

if __name__ == "__main__":
    run(build, Config)
