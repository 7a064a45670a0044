"""python -m services.sandbox"""

from libs.service import run
from services.sandbox.app import build
from services.sandbox.config import Config

if __name__ == "__main__":
    run(build, Config)
