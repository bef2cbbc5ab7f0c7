"""The code of a second factor, never one that runs out on the way to the page."""

from __future__ import annotations

import time
from pathlib import Path

from rightful.web.accounts import totp_now

PERIOD = 30
LEFT = 4  # seconds a busy machine may need between making a code and looking at it


def code_now(folder: Path, secret: str) -> str:
    """The code that counts now and for some seconds more."""
    left = PERIOD - time.time() % PERIOD
    if left < LEFT:
        time.sleep(left + 0.1)
    return totp_now(folder, secret)
