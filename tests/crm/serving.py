"""Tryton's own server, as its clients reach it: one process on 127.0.0.1 over the databases of the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crm.conftest import TrytonTemplate


@dataclass(frozen=True)
class Served:
    """A running server. `log` is everything it said."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def url(self, database: str) -> str:
        return f"http://127.0.0.1:{self.port}/{database}"


@contextmanager
def serving(template: TrytonTemplate, database: str, folder: Path, *, port: int = 0) -> Iterator[Served]:
    """Start the server over one database and wait until it listens."""
    with closing(socket.socket()) as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server stood there a moment ago
        free.bind(("127.0.0.1", port))
        port = int(free.getsockname()[1])
    config, log = folder / "served.conf", folder / "served.log"
    config.write_text(f"{template.config.read_text()}[web]\nlisten = 127.0.0.1:{port}\n")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [template.python.parent / "trytond", "-c", config, "-d", database],
            stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    try:
        _listens(process, port)
        yield Served(process, port, log)
    finally:
        process.kill()
        process.wait(timeout=30)


def _listens(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server has ended"
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the server does not listen")
