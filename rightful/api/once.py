"""A request that comes twice gets its first answer: `Idempotency-Key`.

    return answered_once(request, key, lambda event_id: {...})

`event_id` is the same for every try of one key: given to the consent record, it makes
the work itself happen once, even if the program stopped before the answer was kept.

Sources: IETF draft-ietf-httpapi-idempotency-key-header; AC-051.
"""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from rightful.api.caller import caller
from rightful.api.problems import BUSY
from rightful.errors import KeyReused, RightfulError
from rightful.ownership.answers import State
from rightful.protection.keys import decrypt, derive, encrypt
from rightful.web.opened import workspace


def answered_once(request: HttpRequest, key: str, work: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Do the work, or give the answer it had the first time.

    Raises:
        KeyReused: the key came with another request, or the first one is still at work.
    """
    if not key:
        return work("")
    ws, token = workspace(), caller(request).token
    asked = f"{request.method} {request.path}\n".encode() + request.body
    taken = ws.answers.take(token, key, asked, ws.clock())
    if taken.state is State.OTHER_REQUEST:
        raise KeyReused("this idempotency key came with another request before")
    if taken.state is State.AT_WORK:
        raise KeyReused("the first request with this key is still at work", remedy="Ask again in a moment", code=BUSY)
    sealing, place = derive(ws.keys.log_key, "api answer"), f"{token}/{taken.event_id}".encode()
    if taken.state is State.ANSWERED:
        first: dict[str, Any] = json.loads(decrypt(sealing, taken.sealed, place))
        return first
    try:
        done = work(taken.event_id)
    except RightfulError:
        ws.answers.give_back(token, key)  # a refusal changed nothing: the caller may mend the request and go on
        raise
    ws.answers.keep(token, key, 200, encrypt(sealing, json.dumps(done).encode(), place))
    return done
