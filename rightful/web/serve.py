"""Serves the portal and the console of one workspace.

One process, several threads: the embedded store is opened by one process at a
time. On this machine it speaks plain http to this machine only; anywhere else it
belongs behind a proxy that ends TLS, with RIGHTFUL_MODE=production.

Easy to get wrong: opening the workspace before the server forks. It is opened by
the worker, on first need.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

from rightful.errors import BadInput
from rightful.web.manage import folder_of, ready

THREADS = 8


def serve(workspace: Any, host: str = "127.0.0.1", port: int = 8000, demo: bool = False) -> None:
    """Serve until interrupted; prints where.

    Args:
        workspace: the workspace or its folder. An open one must be closed by its owner before.
        host: address to listen on. Without RIGHTFUL_MODE=production only this machine's own.
        demo: show the mails that were not sent at /demo/outbox/.

    Raises:
        BadInput: plain http would be reachable from other machines.
    """
    production = os.environ.get("RIGHTFUL_MODE") == "production"
    if not production and not _is_this_machine(host):
        raise BadInput(
            f"without TLS, {host} would carry passwords in clear",
            remedy="Listen on 127.0.0.1, or set RIGHTFUL_MODE=production behind a proxy that ends TLS",
        )
    if demo and production:
        raise BadInput("the demo shows outgoing mail to everybody, so it does not run in production")
    folder = folder_of(workspace)
    os.environ["RIGHTFUL_DEMO"] = "1" if demo else ""
    ready(folder)
    from django.conf import settings
    from django.db import connections

    settings.RIGHTFUL_DEMO = demo  # Django may have been set up before this was known
    if not production and not os.environ.get("RIGHTFUL_SITE"):
        settings.RIGHTFUL_SITE = f"http://{_in_address(host)}:{port}"

    connections.close_all()  # no handle survives into the worker
    for line in addresses(host, port, demo=demo):
        sys.stderr.write(line + "\n")
    _run(f"{_in_address(host)}:{port}")


def addresses(host: str, port: int, *, demo: bool) -> tuple[str, ...]:
    """What to open, one line each."""
    site = f"http://{_in_address(host)}:{port}"
    lines = [f"Customers   {site}/", f"Staff       {site}/staff/"]
    if demo:
        lines.append(f"Demo mail   {site}/demo/outbox/")
    return tuple(lines)


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _run(bind: str) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            chosen = {
                "bind": bind,
                "workers": 1,
                "worker_class": "gthread",
                "threads": THREADS,
                "timeout": 60,
                "graceful_timeout": 10,
                "control_socket_disable": True,  # no second way in
                "loglevel": "warning",
                "limit_request_line": 4094,
                "forwarded_allow_ips": "127.0.0.1",
            }
            for name, value in chosen.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from rightful.web.wsgi import application

            return application

    Server().run()


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
