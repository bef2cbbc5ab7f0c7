"""Small policies, customers and events with sensible defaults, and strategies that make hostile ones."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from rightful.consent.events import Event
from rightful.gate.conditions import NoticeEntry, Subject
from rightful.policy.model import Basis, Category, Never, Period, Policy, Purpose, Recipient, Regime, Role
from rightful.terms import EventKind, LawfulBasis, Method, RecipientKind, Survives


def us(text: str) -> int:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


NOW = us("2026-06-15T12:00:00+00:00")
TURNS_18 = us("2026-06-14T22:00:00+00:00")  # midnight in Berlin: somebody born on 15 June 2008
TURNS_16 = us("2024-06-14T22:00:00+00:00")


def purpose(id: str, basis="consent", **more) -> Purpose:
    if isinstance(basis, str):
        basis = {"EU": basis, "CA": basis}
    bases = {regime: Basis(LawfulBasis(kind)) for regime, kind in basis.items()}
    more.setdefault("needs", ("contact",))
    return Purpose(id=id, says=f"We do {id}.", parent=more.pop("parent", None), basis=bases, **more)


def policy(*purposes: Purpose, **more) -> Policy:
    known = {p.id: p for p in purposes}
    defaults = {
        "name": "test",
        "label": "1",
        "owner": "privacy@example.com",
        "timezone": "Europe/Berlin",
        "unknown_jurisdiction": "strictest",
        "unknown_age": "adult-unless-service-for-children",
        "regimes": {
            "EU": Regime("EU", ("gdpr",), ("DE", "FR", "AT"), {"DE": 16, "FR": 15, "AT": 14}),
            "CA": Regime("CA", ("ccpa",), ("US-CA",), {}, ("gpc",)),
        },
        "categories": {
            "contact": Category("contact", ("customer.email", "customer.phone")),
            "money": Category("money", ("customer.income",)),
            "health": Category("health", ("customer.health",), special="gdpr-9"),
        },
        "roles": {"marketer": Role("marketer", tuple(known))},
        "purposes": known,
        "recipients": {
            "agency": Recipient("agency", "A-1", country="DE"),
            "printer": Recipient("printer", "A-2", country="DE", kind=RecipientKind.PROCESSOR),
        },
        "never": (),
        "tests": (),
        "version": "v1",
    }
    return Policy(**(defaults | more))


def event(kind: str, purpose: str = "", channel: str = "", at: int = NOW - 86_400_000_000, **more) -> Event:
    more.setdefault("received_us", at)
    more.setdefault("id", f"{kind}-{purpose}-{channel}-{at}")
    if kind in ("given", "soft-opt-in"):
        more.setdefault("evidence", "form-1")
        more.setdefault("notice", "n1")
    if kind == "notice-served":
        more.setdefault("notice", "n1")
    more["method"] = Method(more.get("method", Method.FORM))
    return Event(kind=EventKind(kind), purpose=purpose, channel=channel, at_us=at, **more)


def subject(*events: Event, residence: str = "DE", birth: date | None = date(1980, 5, 5), no: int = 0) -> Subject:
    return Subject(no, tuple(events), residence, birth)


def notice(*names: str, categories=("contact",), recipients=(), channels=()) -> dict[str, NoticeEntry]:
    entry = NoticeEntry(frozenset(categories), frozenset(recipients), frozenset(channels))
    return dict.fromkeys(names, entry)


# --- hostile ones ---

BASES = [b.value for b in LawfulBasis]
CHANNELS = ["email", "sms", ""]
SCOPES = ["top", "a", "b", "solo", "direct-marketing", "", "customer.email", "contact", "ghost"]
RECIPIENTS = ["", "agency", "printer"]
INSTANTS = st.one_of(
    st.sampled_from([NOW - 1, NOW, NOW + 1, TURNS_16, TURNS_18, NOW - 86_400_000_000, us("2024-02-29T10:00:00+00:00")]),
    st.integers(NOW - 4 * 31_557_600_000_000, NOW + 31_557_600_000_000),
)


@st.composite
def events(draw) -> Event:
    kind = draw(st.sampled_from(list(EventKind)))
    at = draw(INSTANTS)
    value = ""
    if kind is EventKind.MOVED:
        value = draw(st.sampled_from(["DE", "FR", "US-CA", "BR", "US-NY"]))
    if kind is EventKind.BORN:
        value = draw(st.sampled_from(["1970-01-01", "2008-06-15", "2008-06-16", "2012-02-29", "2010-06-15"]))
    return Event(
        id=str(draw(st.integers(0, 10**9))),
        kind=kind,
        purpose=draw(st.sampled_from(SCOPES)),
        channel=draw(st.sampled_from([*CHANNELS, "*"])),
        at_us=at,
        received_us=max(0, draw(st.sampled_from([at, at, at, at - 3_600_000_000, at + 3_600_000_000]))),
        until_us=draw(st.one_of(st.none(), INSTANTS)),
        notice=draw(st.sampled_from(["n1", "n1", "n2", "", "lost"])),
        method=draw(st.sampled_from(list(Method) + [Method.FORM] * 8)),
        evidence=draw(st.sampled_from(["form-1", "form-1", ""])),
        value=value,
    )


@st.composite
def subjects(draw, no: int = 0) -> Subject:
    return Subject(
        no,
        tuple(draw(st.lists(events(), max_size=7))),
        draw(st.sampled_from(["DE", "FR", "AT", "US-CA", "US", "BR", ""])),
        draw(st.sampled_from([None, date(1980, 5, 5), date(2008, 6, 15), date(2008, 6, 16), date(2012, 2, 29)])),
    )


@st.composite
def purposes(draw, id: str, parent: str | None = None, compatible: tuple[str, ...] = ()) -> Purpose:
    eu, ca = draw(st.sampled_from(BASES)), draw(st.sampled_from(BASES))
    basis = draw(st.sampled_from([{"EU": eu, "CA": ca}, {"EU": eu, "CA": eu}, {"EU": eu}]))
    return purpose(
        id,
        basis,
        parent=parent,
        needs=("contact", "money", "health"),
        channels=draw(st.sampled_from([("email",), ("email", "sms"), ()])),
        recipients=("agency", "printer"),
        survives=frozenset(draw(st.sets(st.sampled_from(list(Survives))))),
        direct_marketing=draw(st.booleans()),
        for_children=draw(st.booleans()),
        compatible_with=draw(st.sampled_from([(), compatible])),
        special_ground=draw(st.sampled_from(["", "explicit-consent", "legal-claims"])),
        consent_expires=draw(
            st.sampled_from([None, Period(24, "months"), Period(1, "years"), Period(90, "days"), Period(13, "months")])
        ),
        consent_expires_after_activity=draw(st.booleans()),
    )


@st.composite
def policies(draw) -> Policy:
    return policy(
        draw(purposes("top")),
        draw(purposes("a", parent="top", compatible=("solo",))),
        draw(purposes("b", parent="a")),
        draw(purposes("solo", compatible=("top",))),
        unknown_jurisdiction=draw(st.sampled_from(["strictest", "deny"])),
        unknown_age=draw(st.sampled_from(["adult-unless-service-for-children", "deny"])),
    )


@st.composite
def notice_sets(draw) -> dict[str, dict[str, NoticeEntry]]:
    def one() -> dict[str, NoticeEntry]:
        named = draw(st.sets(st.sampled_from(["top", "a", "b", "solo"])))
        return {
            name: NoticeEntry(
                frozenset(draw(st.sets(st.sampled_from(["contact", "money", "health", "contact.email"])))),
                frozenset(draw(st.sets(st.sampled_from(["agency", "printer"])))),
            )
            for name in sorted(named)
        }

    return {"n1": one() | notice("top", "a", recipients=("agency",)), "n2": one()}


__all__ = ["NOW", "Never", "event", "notice", "policy", "purpose", "subject", "us"]
