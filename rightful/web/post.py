"""Work that must not be felt in an answer's time: looking somebody up, sending mail.

If a page about a known address took longer than one about an unknown one, the
clock would tell who is a customer. So a page only puts a note into this queue,
and one thread works it off.

Easy to get wrong: a queue without an end fills the memory; a full one here drops
the newest note, and the person asks for another code. Nothing in it survives a
restart: codes live three minutes.

Source: OWASP ASVS 5.0 V6.3.8; abuse case AC-023.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from django.core.mail import EmailMessage
from django.db import close_old_connections

LONGEST = 1000
log = logging.getLogger("rightful.web.post")

_waiting: queue.Queue[Callable[[], None]] = queue.Queue(LONGEST)
_lock = threading.Lock()
_worker: threading.Thread | None = None


def later(job: Callable[[], None]) -> bool:
    """Do this soon, in another thread. False: too much is waiting, it will not be done."""
    _ensure_worker()
    try:
        _waiting.put_nowait(job)
    except queue.Full:
        log.error("post is full: one note dropped")
        return False
    return True


def send_later(message: EmailMessage) -> bool:
    """Send this mail soon, in another thread."""
    return later(lambda: _send(message))


def wait_until_done() -> None:
    """Block until everything put in so far was worked off; for the demo and for tests."""
    _waiting.join()


def _send(message: EmailMessage) -> None:
    message.send()


def _ensure_worker() -> None:
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():  # also after a fork, which takes no threads along
            _worker = threading.Thread(target=_work, name="rightful-post", daemon=True)
            _worker.start()


def _work() -> None:
    while True:
        job = _waiting.get()
        try:
            job()
        except Exception as error:
            log.error("post failed: %s", type(error).__name__)  # never its text: it may hold an address
        finally:
            close_old_connections()
            _waiting.task_done()
