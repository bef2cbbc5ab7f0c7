"""The headers every answer carries.

Easy to get wrong: setting them only on pages. Faults, redirects, downloads and
static files pass here too, so a forgotten view cannot forget them.

Sources: CSP Level 3; OWASP ASVS 5.0 V3.4, V14.3.2.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # the second factor's QR code and Pico's small icons are data: images
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{name} {value}" for name, value in POLICY.items())
_FIXED = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class HeadersMiddleware:
    """Sets the fixed headers, and keeps everything that is not a static file out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in _FIXED.items():
            response.headers[name] = value
        if hosts := getattr(response, "may_be_framed_by", ()):  # one page, and only by sites its owner named
            ancestors = "frame-ancestors " + " ".join(hosts)
            policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", ancestors)
            response.headers["Content-Security-Policy"] = policy
            del response.headers["X-Frame-Options"]  # it cannot name sites; browsers go by the policy
        if getattr(response, "may_be_revalidated", False):  # not about a person, and carries an ETag
            response.headers["Cache-Control"] = "private, no-cache"
        elif not request.path.startswith(settings.STATIC_URL) or response.status_code >= 400:
            response.headers["Cache-Control"] = "no-store"  # portal pages are about one person, all of them
        return response
