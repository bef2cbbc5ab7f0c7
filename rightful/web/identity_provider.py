"""Who the organisation's own identity provider says this is: OpenID Connect, the code flow with PKCE.

`ask` makes the address to go to and what has to be remembered in the session until the
answer; `answered` takes the answer and gives back who it was, or says why not.

Easy to get wrong: (1) taking the id token without its signature because it came by TLS:
whoever sits in between, or a provider behind a proxy, could write any name into it;
(2) believing the token's own `alg`: only asymmetric ones are taken, so nobody signs with
a public key as if it were a secret; (3) the nonce: without it a token of another sign-in
fits; (4) finding people by e-mail: addresses are given to others. Who somebody is, is the
pair of issuer and `sub`, and nothing else.

Sources: OpenID Connect Core 1.0, 3.1.2.1, 3.1.3.7; RFC 7636; RFC 9207; OWASP ASVS 5.0 V6.8.1,
V6.8.2, V10.5.1, V10.5.2; abuse case AC-028.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import requests

ALGORITHMS = frozenset({"RS256", "PS256", "ES256"})
ASKED_FOR_SECONDS = 600
CLOCKS_APART_SECONDS = 60
TIMEOUT_SECONDS = (5, 10)
LONGEST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom we ask. `secret` is ours, and goes to the provider's token address alone."""

    issuer: str
    client: str
    secret: str
    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the session remembers between the question and the answer."""

    state: str
    nonce: str
    verifier: str
    at: float
    next: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Person:
    """Who it was, as the provider knows them."""

    issuer: str
    subject: str


class NotProven(Exception):
    """The answer does not prove who somebody is. `code` says why, for the record; it names nobody."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def may_be_asked(address: str, *, here: bool) -> bool:
    """Whether we talk to this address: https, or, on a developer's machine alone, this machine by http."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.fragment:
        return False
    return parts.scheme == "https" or (here and parts.scheme == "http" and _is_this_machine(host))


def ask(provider: Provider, back: str, *, now: float, next_page: str = "", here: bool = False) -> tuple[str, Asked]:
    """The address to send the browser to, and what to remember.

    Raises:
        NotProven: the provider cannot be reached, or says it is another one.
    """
    asked = Asked(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), now, next_page)
    challenge = hashlib.sha256(asked.verifier.encode()).digest()
    wanted = {
        "response_type": "code",
        "client_id": provider.client,
        "redirect_uri": back,
        "scope": "openid",  # who it is; an address would prove nothing, so none is asked for
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    page = _says(provider, here)["authorization_endpoint"]
    return f"{page}{'&' if '?' in page else '?'}{urlencode(wanted)}", asked


def answered(
    provider: Provider, remembered: object, answer: Mapping[str, str], back: str, *, now: float, here: bool = False
) -> Person:
    """Who came back.

    Args:
        remembered: what the session kept; it has to be gone from there before this is called.
        answer: the parameters the browser came back with.
        back: the address it was told to come back to.

    Raises:
        NotProven: nothing was asked, the answer belongs to another question, or its token does not hold.
    """
    asked = _asked(remembered)
    if asked is None or not hmac.compare_digest(asked.state.encode(), answer.get("state", "").encode()):
        raise NotProven("no-question")
    if not 0 <= now - asked.at <= ASKED_FOR_SECONDS:
        raise NotProven("too-late")
    if answer.get("iss", provider.issuer) != provider.issuer:  # RFC 9207: the answer of another provider
        raise NotProven("wrong-issuer")
    if "error" in answer or not answer.get("code"):
        raise NotProven("provider-refused")
    says = _says(provider, here)
    token = _token(provider, says["token_endpoint"], asked, answer["code"], back)
    return person_in(token, _fetched("GET", says["jwks_uri"]), provider, asked.nonce)


def person_in(token: str, keys: Mapping[str, Any], provider: Provider, nonce: str) -> Person:
    """Whom an id token names, after everything in it was checked.

    Raises:
        NotProven: with the first thing that does not hold.
    """
    claims = _signed(token, keys, provider)
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise NotProven("wrong-nonce")
    many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if many else provider.client) != provider.client:
        raise NotProven("wrong-audience")
    if claims.get("email_verified", True) is not True:  # not every provider speaks of it; nobody is found by address
        raise NotProven("email-not-verified")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise NotProven("incomplete")
    return Person(provider.issuer, subject)


def _signed(token: str, keys: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    try:
        head = jwt.get_unverified_header(token)
        algorithm = head.get("alg")
        key = _key(keys, head.get("kid"))
        if algorithm not in ALGORITHMS or key is None:
            raise NotProven("bad-signature")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=provider.issuer,
            audience=provider.client,
            leeway=CLOCKS_APART_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )
        return claims
    except jwt.ExpiredSignatureError as late:
        raise NotProven("expired") from late
    except jwt.InvalidIssuerError as other:
        raise NotProven("wrong-issuer") from other
    except jwt.InvalidAudienceError as other:
        raise NotProven("wrong-audience") from other
    except jwt.MissingRequiredClaimError as missing:
        code = {"nonce": "wrong-nonce", "iss": "wrong-issuer", "aud": "wrong-audience", "exp": "expired"}
        raise NotProven(code.get(missing.claim, "incomplete")) from missing
    except (jwt.InvalidSignatureError, jwt.DecodeError, jwt.InvalidKeyError, jwt.InvalidAlgorithmError) as forged:
        raise NotProven("bad-signature") from forged
    except jwt.PyJWTError as wrong:  # issued in the future, claims of another type
        raise NotProven("incomplete") from wrong


def _key(keys: Mapping[str, Any], wanted: object) -> Any:
    """The provider's key of this name; without a name, the only one there is."""
    try:
        known = [one for one in jwt.PyJWKSet.from_dict(dict(keys)).keys if one.public_key_use in (None, "sig")]
    except (jwt.PyJWTError, AttributeError, TypeError):
        return None
    fitting = known if wanted is None else [one for one in known if one.key_id == wanted]
    return fitting[0].key if len(fitting) == 1 else None


def _token(provider: Provider, address: str, asked: Asked, code: str, back: str) -> str:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": asked.verifier}
    token = _fetched("POST", address, data=form, auth=(provider.client, provider.secret)).get("id_token")
    if not isinstance(token, str):
        raise NotProven("incomplete")
    return token


def _says(provider: Provider, here: bool) -> dict[str, str]:
    """What the provider says of itself, where it has to say it (OpenID Connect Discovery 1.0, 4)."""
    says = _fetched("GET", provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if says.get("issuer") != provider.issuer:
        raise NotProven("wrong-issuer")
    places = {name: says.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    if not all(isinstance(one, str) and may_be_asked(one, here=here) for one in places.values()):
        raise NotProven("incomplete")
    return {name: str(one) for name, one in places.items()}


def _fetched(method: str, address: str, **given: Any) -> dict[str, Any]:
    """One answer in JSON; no redirect is followed, no proxy or password of the environment is used."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.request(
                method, address, allow_redirects=False, stream=True, timeout=TIMEOUT_SECONDS, **given
            ) as answer:
                body = answer.raw.read(LONGEST_BYTES + 1, decode_content=True)
                found = json.loads(body) if answer.status_code == 200 and len(body) <= LONGEST_BYTES else None
    except Exception as lost:  # of requests, of urllib3 while a body is read, of JSON: nothing usable was said
        raise NotProven("not-reached") from lost
    if not isinstance(found, dict):
        raise NotProven("not-reached")
    return found


def _asked(remembered: object) -> Asked | None:
    if not isinstance(remembered, dict):
        return None
    try:
        return Asked(**remembered)
    except TypeError:
        return None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
