"""`python -m services.stockx_poller`."""

from libs.service import run
from services.stockx_poller.app import build
from services.stockx_poller.config import Config

if __name__ == "__main__":
    run(build, Config)
