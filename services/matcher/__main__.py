"""`python -m services.matcher`."""

from libs.service import run
from services.matcher.app import build
from services.matcher.config import Config

if __name__ == "__main__":
    run(build, Config)
