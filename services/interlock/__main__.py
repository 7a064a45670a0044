"""`python -m services.interlock`."""

from libs.service import run
from services.interlock.app import build
from services.interlock.config import Config

if __name__ == "__main__":
    run(build, Config)
