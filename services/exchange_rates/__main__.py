"""`python -m services.exchange_rates`."""

from libs.service import run
from services.exchange_rates.app import build
from services.exchange_rates.config import Config

if __name__ == "__main__":
    run(build, Config)
