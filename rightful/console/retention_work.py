"""What a page of C12 has set going: ordered disposals after their day, erasures that a released hold lets go on.

Easy to get wrong: a fault here must not end the thread; what did not work is tried again.

Source: UX console C12 ("irreversible ones are queued").
"""

from __future__ import annotations

import logging
import os
import threading

from rightful.actions.hold_data import take_up_erasures
from rightful.actions.order_disposal import run_ordered
from rightful.actions.show_disposals import freed_erasures
from rightful.web.opened import workspace

EVERY_SECONDS = 5.0
SHOWN_US = 24 * 3_600_000_000
"""How long the page of what is due still shows how an order ended."""
log = logging.getLogger("rightful.console.retention_work")
_lock = threading.Lock()
_woken = threading.Event()
_worker: threading.Thread | None = None


def start() -> None:
    """Begin in a thread of this process; a second call changes nothing."""
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():
            _worker = threading.Thread(target=_work, name="rightful-retention", daemon=True)
            _worker.start()


def wake() -> None:
    """Do not wait for the next turn."""
    _woken.set()


def _work() -> None:
    here = os.getpid()
    while os.getpid() == here:
        _woken.wait(EVERY_SECONDS)
        _woken.clear()
        try:
            run_ordered(workspace())
            if freed_erasures(workspace()):
                take_up_erasures(workspace())
        except Exception as error:
            log.error("retention waits: %s", type(error).__name__)
