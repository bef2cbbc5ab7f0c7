"""A little OpenID provider on this machine: real keys, real tokens, and a hand for whoever wants to cheat.

It does what a provider has to do (one code for one question, PKCE, the client's secret, the address to come
back to) so that what is refused in a test is refused by us and not by a fault of the provider.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "rightful", "a secret between two: servers/+"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class SmallProvider:
    """What it says about itself and about who signs in; each may be changed by a test."""

    issuer: str
    key: rsa.RSAPrivateKey = field(default_factory=new_key)
    person: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[SmallProvider, dict[str, Any]], str | None] | None = None
    says: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # path -> what stands there instead
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # code -> the question
    heard: list[str] = field(default_factory=list)

    def token(self, claims: dict[str, Any], *, key: Any = None, kid: str | None = "one", alg: str = "RS256") -> str:
        return jwt.encode(claims, key or self.key, algorithm=alg, headers={"kid": kid} if kid else None)

    def claims(self, nonce: str) -> dict[str, Any]:
        now = int(time.time())
        always = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        return always | {"sub": "00u1", "email": "olga@meadow.example", "email_verified": True} | self.person

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes after the person has signed in there."""
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self.asked.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        ours = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        fits = asked and (asked["code_challenge"], asked["redirect_uri"], asked["code_challenge_method"]) == (
            challenge.rstrip(b"=").decode(),
            form.get("redirect_uri"),
            "S256",
        )
        if not fits or authorization != ours or form.get("grant_type") != "authorization_code":
            return None
        claims = self.claims(asked["nonce"])
        token = self.sign(self, claims) if self.sign else self.token(claims)
        return {"access_token": "unused", "token_type": "Bearer"} | ({"id_token": token} if token else {})

    def configuration(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {n: f"{self.issuer}/{p}" for n, p in places.items()} | self.says

    def keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}


@contextmanager
def running() -> Iterator[SmallProvider]:
    """The provider, listening until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize({k: v[0] for k, v in parse_qs(parts.query).items()}))
                self.end_headers()
                return
            said = {"/.well-known/openid-configuration": provider.configuration, "/keys": provider.keys}
            self._answer(parts.path, said[parts.path]() if parts.path in said else None)

        def do_POST(self) -> None:
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
            self._answer(self.path, provider.exchange(form, self.headers.get("Authorization", "")))

        def _answer(self, path: str, said: dict[str, Any] | None) -> None:
            provider.heard.append(path)
            status, body = provider.answers.get(path, (200 if said else 400, json.dumps(said).encode()))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if 300 <= status < 400:
                self.send_header("Location", f"{provider.issuer}/keys")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = SmallProvider(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
