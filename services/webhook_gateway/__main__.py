"""`python -m services.webhook_gateway`: the process."""

from libs.service import run
from services.webhook_gateway.app import build
from services.webhook_gateway.config import Config

if __name__ == "__main__":
    run(build, Config)
