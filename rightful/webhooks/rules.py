"""What a webhook says, how it is signed, when it is tried again, and where it may never go.

The form is that of Standard Webhooks 1.0: three headers, an HMAC-SHA256 over
"id.timestamp.body", secrets that begin with `whsec_`. A body names ids, never people.

A target is an https address whose every resolved address is public. Numbers that only
look like names, addresses inside other addresses (IPv4 in IPv6), and names that
resolve to anything inside are refused; the connection then goes to the very address
that was looked at. Exceptions are origins that the administrator wrote down.

Easy to get wrong: trusting the name at sending because it was checked at subscribing
(DNS rebinding); comparing signatures in a time that depends on them; accepting an old
message that was signed rightly (a replay).

Sources: standardwebhooks.com, specification 1.0; RFC 6890, RFC 6052, RFC 3056, RFC 4380;
OWASP ASVS 5.0 V13.2.4; abuse case AC-047.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from rightful.errors import SignatureRefused, TargetRefused

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300
LARGEST_BODY = 64 * 1024
SECOND = 1_000_000
DELAYS = tuple(seconds * SECOND for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""Waits between tries, in microseconds; after the last one the delivery is dead. Three days and a half in all."""

KINDS: Mapping[str, str] = {
    "consent.given": "a customer said yes",
    "consent.withdrawn": "a customer took a yes back",
    "consent.refused": "a customer said no",
    "objection.raised": "a customer objected",
    "objection.lifted": "a customer lifted an objection",
    "opt-out.recorded": "a customer opted out of sale and sharing",
    "opt-out.lifted": "a customer allowed sale and sharing again",
    "restriction.begun": "use of a customer's data was restricted",
    "restriction.ended": "a restriction was lifted",
    "erasure.begun": "a customer's data is being erased; every use of it has ended",
    "erasure.done": "an erasure ended: `status` says whether all of it is gone",
    "consents.imported": "a history of consents came in at once",
    "correction.done": "a customer's data was corrected",
    "request.changed": "a customer's request came in or went on",
    "notice.published": "there is a new notice",
    "policy.published": "there is a new policy",
    "ping": "somebody tried the subscription out",
}
"""What can be subscribed to, in words."""

OF_ENTRIES: Mapping[str, str] = {
    "consent.given": "consent.given",
    "consent.withdrawn": "consent.withdrawn",
    "consent.refused": "consent.refused",
    "consent.objected": "objection.raised",
    "consent.objection-lifted": "objection.lifted",
    "consent.opted-out": "opt-out.recorded",
    "consent.signal-gpc": "opt-out.recorded",
    "consent.opted-in-again": "opt-out.lifted",
    "consent.restricted": "restriction.begun",
    "consent.restriction-lifted": "restriction.ended",
    "consent.erased": "erasure.begun",
    "erasure.closed": "erasure.done",
    "consent.imported": "consents.imported",
    "correction.done": "correction.done",
    "notice.published": "notice.published",
    "policy.published": "policy.published",
}
"""Kind of a ledger entry -> kind of the webhook that tells of it."""

STEP = "request."
"""Beginning of the kinds of entries that are steps of a customer's request."""

TOLD = ("purpose", "channel", "notice", "method", "label", "digest", "version", "rows", "state", "run", "status")
"""Members of an entry's public part that a body repeats; none of them is personal."""


# What IANA lists as special (RFC 6890 and later), written out: Python's own table depends on its patch release.
_SPECIAL = tuple(
    ipaddress.ip_network(net)
    for net in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect. `address` is the one that was looked at; `host` is whom the certificate must name."""

    scheme: str
    host: str
    port: int
    path: str
    address: str = ""


def new_secret(random: bytes) -> str:
    return PREFIX + base64.b64encode(random).decode("ascii")


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode("ascii")


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: int) -> str:
    """The message's id, once its signature and its age are right. `now` in seconds since 1970.

    Raises:
        SignatureRefused: not signed, signed by somebody else, changed, or too old or too new.
    """
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,120}", message_id) or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise SignatureRefused("the message has no id or no timestamp that can be read")
    wanted = sign(secret, message_id, int(stamp), body).encode()
    offered = [one.encode() for one in headers.get("webhook-signature", "").split(" ")[:10]]
    if not sum(hmac.compare_digest(wanted, one) for one in offered):  # all are compared, whichever fits
        raise SignatureRefused("the message is not signed with the key of this source")
    if abs(now - int(stamp)) > TOLERANCE_SECONDS:
        raise SignatureRefused(
            "the message is too old, or the clocks differ",
            remedy="Sign it anew with the present time; set both clocks right",
        )
    return message_id


def delay_us(attempts: int) -> int | None:
    """How long to wait after so many failed tries; None: no more."""
    return DELAYS[attempts - 1] if attempts <= len(DELAYS) else None


def target_of(url: str, *, private: Collection[str] = (), hosts: Collection[str] = ()) -> Target:
    """A target by its address, before its name is resolved.

    Args:
        private: origins ("http://127.0.0.1:9000") that the administrator allows inside.
        hosts: if there are any, the only host names webhooks may go to.

    Raises:
        TargetRefused: this is no address that a webhook may go to.
    """
    if len(url) > 2000 or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise TargetRefused("the address has characters that have no place in one", remedy="Write names in punycode")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise TargetRefused("this is no address that can be read") from fault
    host = (parts.hostname or "").rstrip(".")
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    inside = origin in private
    if parts.scheme != "https" and not inside:
        raise TargetRefused("calls go to https addresses only")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("an address with a name or password in it is not taken")
    if not host or port == 0:
        raise TargetRefused("the address has no host that can be reached")
    if not _is_address(host) and not _is_name(host):
        raise TargetRefused("the host is neither a name nor an address in its usual form")
    if hosts and host not in hosts and not inside:
        raise TargetRefused("webhooks go to hosts on the list only", remedy="Add it to webhooks.hosts in rightful.json")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def check_addresses(target: Target, addresses: Collection[str], *, inside: bool) -> str:
    """The one address to connect to, out of all that the name resolved to.

    Args:
        inside: the administrator allows this origin; then any address will do.

    Raises:
        TargetRefused: there is none, or one of them is not public: then the name is not trusted at all.
    """
    if not addresses:
        raise TargetRefused("the host is not known")
    if not inside and not all(is_public(address) for address in addresses):
        raise TargetRefused("the host is not on the public internet")
    return next(iter(addresses))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, looked at from inside out."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or _nat64(ip)
        if within is not None:
            return is_public(str(within))
    return ip.is_global and not any(ip in net for net in _SPECIAL if net.version == ip.version)


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    inside = ip in ipaddress.ip_network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if inside else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    """A host name whose last label is no number: resolvers read 2130706433, 0x7f.1 and 127.1 as addresses."""
    labels = host.split(".")
    fine = all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels)
    return fine and len(host) <= 253 and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1])


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as fault:
        raise SignatureRefused("the key of this source is not readable") from fault
