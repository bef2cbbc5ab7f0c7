"""What time alone brings about, done by the pages' server: requests every few seconds, leftovers every hour.

`rightful request run` and `rightful retention tidy` do the same once, for cron.

Easy to get wrong: a fault here must not end the thread; what did not work is tried again.

Source: UX console ("irreversible ones are queued"); AC-019.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from rightful.actions.remove_leftovers import remove_leftovers
from rightful.actions.run_requests import run_requests
from rightful.web.opened import workspace

EVERY_SECONDS = 5.0
TIDY_EVERY_SECONDS = 3600.0
log = logging.getLogger("rightful.console.request_work")
_lock = threading.Lock()
_worker: threading.Thread | None = None


def start() -> None:
    """Begin in a thread of this process; a second call changes nothing."""
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():
            _worker = threading.Thread(target=_work, name="rightful-requests", daemon=True)
            _worker.start()


def _work() -> None:
    here, tidied = os.getpid(), 0.0
    while os.getpid() == here:
        time.sleep(EVERY_SECONDS)
        try:
            run_requests(workspace())
            if not tidied or time.monotonic() - tidied > TIDY_EVERY_SECONDS:
                remove_leftovers(workspace())
                tidied = time.monotonic()
        except Exception as error:
            log.error("requests wait: %s", type(error).__name__)
