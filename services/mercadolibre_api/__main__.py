"""`python -m services.mercadolibre_api`."""

from libs.service import run
from services.mercadolibre_api.app import build
from services.mercadolibre_api.config import Config

if __name__ == "__main__":
    run(build, Config)
