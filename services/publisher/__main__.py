"""`python -m services.publisher`."""

from libs.service import run
from services.publisher.app import build
from services.publisher.config import Config

if __name__ == "__main__":
    run(build, Config)
