"""`python -m services.order_desk`."""

from libs.service import run
from services.order_desk.app import build
from services.order_desk.config import Config

if __name__ == "__main__":
    run(build, Config)
