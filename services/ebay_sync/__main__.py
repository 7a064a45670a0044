"""`python -m services.ebay_sync`."""

from libs.service import run
from services.ebay_sync.app import build
from services.ebay_sync.config import Config

if __name__ == "__main__":
    run(build, Config)
