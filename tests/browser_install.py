"""`python -m tests.browser_install`: a Chromium for the tests of pages, from Debian's packages, where that is possible.

Never fails: without a browser those tests are skipped, and say why.
"""

import os
import shutil
import subprocess

from tests.browser import found

_WITHIN_SECONDS = 600
_INSTALL = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "chromium"),
)


def why_not() -> str | None:
    """Install one if there is none; what stands in the way, or None."""
    if found() is not None:
        return None
    if shutil.which("apt-get") is None:
        return "there is no apt-get here to install one with"
    if os.geteuid() != 0:
        return "only root may install one: `sudo apt-get install chromium`"
    print("Installing Chromium for the tests of pages (once, about a minute) …", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in _INSTALL:
        try:
            ended = subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=_WITHIN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"`{' '.join(command)}` took longer than {_WITHIN_SECONDS} s"
        if ended.returncode:
            told = (ended.stderr or ended.stdout).strip().splitlines()
            return f"`{' '.join(command)}` failed: {told[-1] if told else ended.returncode}"
    return None if found() is not None else "the package chromium brought no browser"


if __name__ == "__main__":
    reason = why_not()
    if reason is not None:
        print(f"No browser, so the tests of pages will be skipped: {reason}.")
