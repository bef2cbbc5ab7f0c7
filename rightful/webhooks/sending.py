"""One request to one target: resolved, looked at, and sent to the very address that was looked at.

Easy to get wrong: letting the HTTP library resolve the name again (it may get another
answer), follow a redirect, or read an answer without end.

Sources: OWASP ASVS 5.0 V13.2.4; abuse case AC-047.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from rightful.webhooks.rules import Target, check_addresses, target_of

TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER = 64 << 20
Resolve = Callable[[str, int], Collection[str]]
Dial = Callable[[str, int, float], socket.socket]


def resolved(host: str, port: int) -> Collection[str]:
    """All addresses of a host, in the order the system prefers; none if it is not known."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def dialled(address: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((address, port), seconds)


class Sender:
    """Sends to targets that may be reached; `resolve` and `dial` are the network."""

    def __init__(
        self,
        private: Collection[str] = (),
        hosts: Collection[str] = (),
        *,
        resolve: Resolve = resolved,
        dial: Dial = dialled,
        trust: ssl.SSLContext | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.private = frozenset(private)
        self.hosts = frozenset(hosts)
        self._resolve = resolve
        self._dial = dial
        self._trust = trust or ssl.create_default_context()
        self._seconds = seconds

    def look_at(self, url: str) -> Target:
        """The target with the address to connect to.

        Raises:
            TargetRefused: a webhook may not go there.
        """
        target = target_of(url, private=self.private, hosts=self.hosts)
        inside = any(url == origin or url.startswith((origin + "/", origin + "?")) for origin in self.private)
        address = check_addresses(target, self._resolve(target.host, target.port), inside=inside)
        return replace(target, address=address)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send; the status, and what `Retry-After` says. A redirect is an answer like any other: not followed.

        Raises:
            TargetRefused: a webhook may not go there; nothing was connected to.
            OSError, http.client.HTTPException: nothing was answered.
        """
        status, wait, _ = self.exchange(url, body, headers, most=1024)
        return status, wait

    def exchange(
        self, url: str, body: bytes, headers: Mapping[str, str], *, most: int = LARGEST_ANSWER
    ) -> tuple[int, str, bytes]:
        """`post`, with the first `most` bytes of the answer."""
        target = self.look_at(url)
        trust = self._trust if target.scheme == "https" else None
        connection = _Pinned(target, self._dial, trust, self._seconds)
        try:
            connection.request("POST", target.path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Retry-After", ""), answer.read(most)
        finally:
            connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to a given address under a given name."""

    def __init__(self, target: Target, dial: Dial, trust: ssl.SSLContext | None, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._seconds = seconds
        self._target = target
        self._dial = dial
        self._trust = trust
        if trust is not None:
            self.default_port = 443  # so that `Host` names no port where none is needed

    def connect(self) -> None:
        raw = self._dial(self._target.address, self._target.port, self._seconds)
        self.sock = self._trust.wrap_socket(raw, server_hostname=self._target.host) if self._trust else raw
