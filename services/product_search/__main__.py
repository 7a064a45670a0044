"""`python -m services.product_search`."""

from libs.service import run
from services.product_search.app import build
from services.product_search.config import Config

if __name__ == "__main__":
    run(build, Config)
