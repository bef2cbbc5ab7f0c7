"""One thread of each server that tells subscribers what happened; `rightful webhook send` does it once."""

from __future__ import annotations

import logging
import os
import threading

from rightful.actions.send_webhooks import tell
from rightful.web.opened import workspace

EVERY_SECONDS = 2.0
log = logging.getLogger("rightful.api")
_lock = threading.Lock()
_worker: threading.Thread | None = None


def start() -> None:
    """Begin to tell in a thread of this process; a second call changes nothing."""
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():  # also after a fork, which takes no threads along
            _worker = threading.Thread(target=_work, name="rightful-webhooks", daemon=True)
            _worker.start()


def _work() -> None:
    here, pause = os.getpid(), threading.Event()
    while os.getpid() == here:
        try:
            tell(workspace())
        except Exception as error:  # a locked database, a full disk: what waits is still there
            log.error("webhooks wait: %s", type(error).__name__)
            pause.wait(30)
        pause.wait(EVERY_SECONDS)
