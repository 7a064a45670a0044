"""`python -m services.projector`."""

from libs.service import run
from services.projector.app import build
from services.projector.config import Config

if __name__ == "__main__":
    run(build, Config)
