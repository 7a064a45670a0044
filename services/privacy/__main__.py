"""`python -m services.privacy`."""

from libs.service import run
from services.privacy.app import build
from services.privacy.config import Config

if __name__ == "__main__":
    run(build, Config)
