"""Messages of other systems: believed when signed just now; twice is once, and order does not matter."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from rightful.actions.customer_view import overview
from rightful.actions.subscribe_webhook import accept_source, refuse_source
from rightful.consent import rules
from rightful.errors import BadInput, NotFound
from rightful.webhooks.rules import sign
from tests.builders import NOW, event

PATH = "/api/hooks/shopfront"


@pytest.fixture
def secret(shop) -> str:
    return accept_source(shop, "shopfront", actor="eng@shop.example")[0]


def send(secret: str, data: dict[str, object], kind: str = "consent.given", message: str = "m-1", **more):
    stamp = int(time.time()) + more.get("late", 0)
    body = (
        more.get("body")
        or json.dumps({"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": data}).encode()
    )
    signed = {
        "webhook-id": message,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(secret, message, stamp, body),
    }
    return Client().generic(
        "POST", more.get("path", PATH), body, content_type="application/json", headers=signed | more.get("headers", {})
    )


def yes(key: str, **more: object) -> dict[str, object]:
    shown = {"purpose": "newsletter", "channel": "email", "notice": "1", "method": "form", "evidence": "form-7"}
    return {"customer": key} | shown | more


def state(ws, key: str) -> str:
    return next(p for p in overview(ws, key).purposes if p.id == "newsletter").channels[0].state


def test_a_signed_message_counts_and_the_same_again_gets_the_first_receipt(shop, secret):
    first = send(secret, yes("C022"), message="in-1")
    assert first.status_code == 200
    assert state(shop, "C022") == "on"
    size = shop.ledger.head()
    again = send(secret, yes("C022"), message="in-1")
    assert again.json() == first.json()
    assert shop.ledger.head() == size
    no = send(secret, {"customer": "C022", "purpose": "newsletter", "channel": "email"}, "consent.withdrawn", "in-2")
    assert no.status_code == 200
    assert state(shop, "C022") == "off"


@pytest.mark.parametrize("late", [-301, 301, -86_400])
def test_an_old_message_is_refused(shop, secret, late):
    before = shop.consent.position()
    answer = send(secret, yes("C023"), message="old", late=late)
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook.signature-refused")
    assert shop.consent.position() == before


def test_who_is_not_known_or_did_not_sign_gets_one_answer(shop, secret):
    other = "whsec_" + "QUJD" * 11
    answers = [
        send(other, yes("C023")),
        send(secret, yes("C023"), path="/api/hooks/nobody"),
        send(other, yes("C023"), path="/api/hooks/nobody"),
        send(secret, yes("C023"), headers={"webhook-signature": "v1,AAAA"}),
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({a.text for a in answers}) == 1


def test_a_source_gets_a_new_key_and_is_refused_when_told_so(shop, secret):
    fresh, _entry = accept_source(shop, "shopfront", actor="eng@shop.example")
    assert send(secret, yes("C024"), message="k-1").status_code == 401
    assert send(fresh, yes("C024"), message="k-1").status_code == 200
    refuse_source(shop, "shopfront", actor="eng@shop.example")
    assert send(fresh, yes("C024"), message="k-2").status_code == 401
    with pytest.raises(NotFound):
        refuse_source(shop, "shopfront", actor="eng@shop.example")
    with pytest.raises(BadInput):
        accept_source(shop, "Shop Front/..", actor="eng@shop.example")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"{", 422),
        (b"[" * 50_000, 422),
        (json.dumps({"type": "consent.given", "timestamp": "2026-01-01T00:00:00Z", "data": {}}).encode(), 422),
        (json.dumps({"type": "x", "timestamp": "2026-01-01T00:00:00Z", "data": yes("C025")}).encode(), 422),
        (json.dumps({"type": "consent.given", "timestamp": "2026-01-01", "data": yes("C025")}).encode(), 422),
        (b"x" * 70_000, 422),
    ],
)
def test_a_signed_message_of_another_form_is_refused(shop, secret, body, status):
    before = shop.consent.position()
    answer = send(secret, {}, body=body, message="form")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert shop.consent.position() == before


@pytest.mark.parametrize(
    "said",
    [
        {"method": "pre-ticked"},
        {"evidence": ""},
        {"notice": "never published"},
        {"channel": "fax"},
        {"purpose": "unheard-of"},
        {"customer": "nobody"},
        {"role": "owner"},
    ],
)
def test_ac_015_what_proves_nothing_is_refused_from_systems_too(shop, secret, said):
    before = shop.consent.position()
    assert send(secret, yes("C025", **said), message="weak").status_code == 422
    assert shop.consent.position() == before


def test_ac_053_a_claim_from_the_future_is_refused_and_one_from_the_past_is_kept_as_a_claim(shop, secret):
    ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert send(secret, yes("C026", at=ahead), message="ahead").status_code == 422
    past = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    send(secret, {"customer": "C026", "purpose": "newsletter", "channel": "email"}, "consent.withdrawn", "now")
    assert send(secret, yes("C026", at=past), message="past").status_code == 200
    assert state(shop, "C026") == "off", "an older yes does not undo a newer no"


def test_ac_052_every_order_and_duplication_of_messages_ends_in_one_state(shop, secret):
    """Three messages of one customer, in all orders, each sent twice: the last word in time decides."""
    base = datetime.now(UTC) - timedelta(minutes=30)
    messages = [
        ("consent.given", 0, yes),
        ("consent.withdrawn", 10, lambda key, **m: {"customer": key, "purpose": "newsletter", "channel": "email"} | m),
        ("consent.given", 10, yes),
    ]
    ends = set()
    for number, order in enumerate(itertools.permutations(range(3))):
        key = f"C{50 + number:03d}"  # nobody else speaks for these
        withdrawn = shop.consent.position()
        for place in (*order, *order):
            kind, minutes, data = messages[place]
            at = (base + timedelta(minutes=minutes)).isoformat()
            assert send(secret, data(key, at=at), kind, f"o{number}-{place}").status_code == 200
        assert shop.consent.position() == withdrawn + 3
        ends.add(state(shop, key))
    assert ends == {"off"}, "at the same instant a no beats a yes"


MESSAGES = st.lists(
    st.tuples(st.sampled_from(["given", "withdrawn"]), st.integers(0, 3)), min_size=1, max_size=5, unique=True
)


@settings(max_examples=200)
@given(MESSAGES, st.randoms(use_true_random=False))
def test_ac_052_arrival_decides_nothing(found, random):
    """All orders and repetitions of the same events come to the same choice."""
    events = [event(kind, "newsletter", "email", NOW - 10 + at, id=f"{kind}-{at}") for kind, at in found]

    def choice(received):
        known = {e.id: e for e in received}  # the record keeps an id once
        return rules.choice_for(known.values(), ("newsletter",), "email", lambda _label: True)

    again = events + random.sample(events, len(events))
    random.shuffle(again)
    assert choice(again) == choice(events)
    newest = max(at for _, at in found)
    if ("withdrawn", newest) in found:
        assert choice(events).status is rules.Status.WITHDRAWN
