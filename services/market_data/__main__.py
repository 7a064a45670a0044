"""`python -m services.market_data`."""

from libs.service import run
from services.market_data.app import build
from services.market_data.config import Config

if __name__ == "__main__":
    run(build, Config)
