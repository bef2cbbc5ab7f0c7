"""A clock that a test can put forward. Never back: the ledger would refuse to write."""

from __future__ import annotations

import time


class Moving:
    """The machine's clock plus what was added."""

    def __init__(self) -> None:
        self.added_us = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.added_us

    def by(self, microseconds: int) -> None:
        self.added_us += microseconds
