"""`python -m services.catalog`."""

from libs.service import run
from services.catalog.app import build
from services.catalog.config import Config

if __name__ == "__main__":
    run(build, Config)
