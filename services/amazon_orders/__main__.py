"""`python -m services.amazon_orders`."""

from libs.service import run
from services.amazon_orders.app import build
from services.amazon_orders.config import Config

if __name__ == "__main__":
    run(build, Config)
