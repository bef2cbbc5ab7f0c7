"""How often a program may ask: counted per window, in the cache that all workers share.

allauth's own limits keep every instant and leave reading alone, which suits forms; the
API counts every request, so here it is one number per window. Rates are written beside
allauth's, in ACCOUNT_RATE_LIMITS: "1200/m/key" or "30/m/ip".

Source: OWASP ASVS 5.0 V2.4.1.
"""

from __future__ import annotations

import time
from hashlib import sha256

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def within(request: HttpRequest, action: str, key: str = "") -> bool:
    """Count this request; False if it is one too many in any of the action's windows."""
    fine = True
    for rate in filter(None, settings.ACCOUNT_RATE_LIMITS.get(action, "").split(",")):
        amount, window, per = rate.strip().split("/")
        seconds = int(window[:-1] or 1) * _SECONDS[window[-1]]
        who = key if per == "key" else str(get_adapter().get_client_ip(request))
        place = f"limit:{action}:{rate}:{sha256(who.encode()).hexdigest()}:{int(time.time() // seconds)}"
        fine = (cache.add(place, 1, timeout=seconds + 1) or _more(place, seconds) <= int(amount)) and fine
    return fine


def _more(place: str, seconds: int) -> int:
    try:
        return int(cache.incr(place))
    except ValueError:  # it ran out between the two questions
        cache.set(place, 1, timeout=seconds + 1)
        return 1
