"""`python -m services.pricing`."""

from libs.service import run
from services.pricing.app import build
from services.pricing.config import Config

if __name__ == "__main__":
    run(build, Config)
