"""What Meadow's customers said about their data over two years, as another system would export it.

Every group of customers below stands for one situation, and its label counts
it: what is planted wrong on purpose has an exact number, so that a test can say
how many rows an import has to reject.

Easy to get wrong: events of one customer must be possible in a life. No consent
before joining, no withdrawal before the consent, no notice before it existed.

The situations come from GDPR Art. 4(11), 7, 8, 9, 18, 21, ePrivacy Directive
Art. 13, CCPA 1798.120 and 11 CCR 7025.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rightful.demo.columns import DAY, Ints, Texts, between, keys, numbered, seconds, stamp
from rightful.demo.crowd import HISTORY_FROM, Crowd, Orders
from rightful.terms import DIRECT_MARKETING, EventKind, Method

GIVEN, REFUSED, WITHDRAWN, DEFERRED = (
    EventKind.GIVEN,
    EventKind.REFUSED,
    EventKind.WITHDRAWN,
    EventKind.DEFERRED,
)
SOFT_OPT_IN, ACTIVE, NOTICE_SERVED = EventKind.SOFT_OPT_IN, EventKind.ACTIVE, EventKind.NOTICE_SERVED
OBJECTED, OBJECTION_LIFTED = EventKind.OBJECTED, EventKind.OBJECTION_LIFTED
OPTED_OUT, OPTED_IN_AGAIN = EventKind.OPTED_OUT, EventKind.OPTED_IN_AGAIN
SIGNAL_GPC, SIGNAL_ASKED, MOVED = EventKind.SIGNAL_GPC, EventKind.SIGNAL_ASKED, EventKind.MOVED
RESTRICTED, RESTRICTION_LIFTED = EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED

OLD_NOTICE, NEW_NOTICE = "2025-01", "2026-02"
OLD_NOTICE_ON, NEW_NOTICE_ON = HISTORY_FROM, date(2026, 2, 2)


@dataclass(frozen=True, slots=True)
class How:
    """How something was said: method, kind of evidence ("" for none), system that recorded it."""

    method: Method
    proof: str
    source: str


FORM = How(Method.FORM, "form", "web")
PORTAL = How(Method.PORTAL, "portal", "portal")
ONE_CLICK = How(Method.ONE_CLICK, "click", "mailer")
OPENED = How(Method.API, "open", "mailer")
APP = How(Method.API, "api", "app")
RECORDED_CALL = How(Method.AGENT, "rec", "call-centre")
CALL = How(Method.AGENT, "", "call-centre")
LETTER = How(Method.AGENT, "letter", "crm")
PARENT = How(Method.GUARDIAN, "guardian", "web")
AT_THE_SALE = How(Method.FORM, "order", "shop")
GPC = How(Method.SIGNAL, "signal", "web")
MAILING = How(Method.IMPORT, "mailing", "crm")
ADDRESS_CHANGE = How(Method.IMPORT, "address", "crm")
# These prove nothing.
PRE_TICKED = How(Method.PRE_TICKED, "", "old-crm")
OLD_FLAG = How(Method.IMPORT, "", "old-crm")
COPIED = How(Method.SYNC, "", "mailer")
NIGHTLY_JOB = How(Method.SYNC, "", "nightly-job")

BY_TIME = "by time"
"""As a notice: the one that was in force at the event's time."""


class Events:
    """Consent events gathered in groups, then put in order of time and numbered."""

    COLUMNS = ("kind", "purpose", "channel", "notice", "method", "proof", "source", "value")

    def __init__(self) -> None:
        self.who: list[Ints] = []
        self.at: list[Ints] = []
        self.until: list[Ints] = []
        self.text: dict[str, list[Texts]] = {name: [] for name in self.COLUMNS}
        self.groups: dict[str, Ints] = {}
        self.planted: dict[str, int] = {}

    def add(
        self,
        label: str,
        who: Ints,
        at: Ints,
        kind: EventKind,
        purpose: str = "",
        channel: str = "",
        how: How = FORM,
        *,
        notice: str = "",
        method: Texts | None = None,
        until: Ints | None = None,
        value: str | Texts = "",
    ) -> None:
        """Add one event per entry of `who`; `label` names and counts them. `method` overrides `how`'s."""
        notices = _notice_at(at) if notice == BY_TIME else notice
        methods = how.method.value if method is None else method
        row = (kind.value, purpose, channel, notices, methods, how.proof, how.source, value)
        for name, entry in zip(self.COLUMNS, row, strict=True):
            filled = np.empty(len(who), dtype=object)
            filled[:] = entry
            self.text[name].append(filled)
        self.who.append(who)
        self.at.append(at)
        self.until.append(np.zeros(len(who), dtype=np.int64) if until is None else until)
        self.groups[label] = who
        self.planted[label] = len(who)

    def table(self, rng: np.random.Generator, crowd: Crowd) -> pa.Table:
        """The file as another system exports it: by arrival, with copies and broken rows."""
        who, at, until = np.concatenate(self.who), np.concatenate(self.at), np.concatenate(self.until)
        text = {name: np.concatenate(parts) for name, parts in self.text.items()}
        # One in a hundred reaches the export days after it happened.
        late = np.where(rng.random(len(at)) < 0.01, rng.integers(1, 30, len(at)) * DAY, 0)
        turn = np.lexsort((who, at + late))
        who, at, until = who[turn], at[turn], until[turn]
        column = {name: pa.array(values[turn], pa.string()) for name, values in text.items()}
        number = numbered("", 1, len(who), 7)
        evidence = pc.binary_join_element_wise(column["proof"], number, "-")
        table = pa.table(
            {
                "event_id": pc.binary_join_element_wise("CE", number, "-"),
                "customer_id": keys(who),
                "kind": column["kind"],
                "purpose": column["purpose"],
                "channel": column["channel"],
                "at": _stamp_with_offset(at, column["source"]),
                "until": pc.if_else(pa.array(until == 0), "", stamp(until)),
                "notice": column["notice"],
                "method": column["method"],
                "evidence": pc.if_else(pc.equal(column["proof"], ""), "", evidence),
                "language": pa.array(crowd.language[who], pa.string()),
                "source": column["source"],
                "value": column["value"],
            }
        )
        return self._spoiled(rng, table)

    def _spoiled(self, rng: np.random.Generator, table: pa.Table) -> pa.Table:
        """Break the rows whose source is the name of a fault, and append identical copies of others."""
        columns = {name: table[name].to_pylist() for name in ("customer_id", "kind", "purpose", "at", "source")}
        broken: dict[str, list[int]] = {}
        for row, source in enumerate(columns["source"]):
            if source in BROKEN:
                broken.setdefault(source, []).append(row)
        for name, rows in broken.items():
            fault = BROKEN[name]
            for turn, row in enumerate(rows):
                columns[fault.column][row] = fault.spoil(columns[fault.column][row], turn)
                columns["source"][row] = "spreadsheet"
        for name, values in columns.items():
            table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
        whole = np.setdiff1d(np.arange(table.num_rows), [row for rows in broken.values() for row in rows])
        again = np.sort(rng.choice(whole, REPEATED, replace=False))
        self.planted["repeated_rows"] = REPEATED
        return pa.concat_tables([table, table.take(pa.array(again))]).combine_chunks()


@dataclass(frozen=True, slots=True)
class Fault:
    """A way for a row to be broken: how many, which column, what becomes of its value (value, turn)."""

    rows: int
    column: str
    spoil: Callable[[str, int], str]


def _one_of(*values: str) -> Callable[[str, int], str]:
    return lambda _, turn: values[turn % len(values)]


REPEATED = 240
BROKEN: Mapping[str, Fault] = {
    "broken_no_zone": Fault(14, "at", lambda at, _: at[:19]),
    "broken_date": Fault(11, "at", _one_of("2025-02-30T10:00:00Z", "31/12/2025", "yesterday", "")),
    "broken_purpose": Fault(9, "purpose", _one_of("newsleter", "Newsletter", "sms-offers")),
    "broken_kind": Fault(6, "kind", _one_of("opt_in", "GIVEN")),
    "broken_customer": Fault(4, "customer_id", _one_of("M-999999", "")),
}


def consent_history(rng: np.random.Generator, crowd: Crowd, order: Orders) -> Events:
    """Everything that was said, group by group."""
    events = Events()
    adults = rng.permutation(np.flatnonzero(~crowd.youth))
    _notices_served(rng, crowd, events)
    _newsletter(rng, crowd, events, adults)
    _left_behind(rng, crowd, events, adults)
    _offers(rng, crowd, events, adults)
    _bought(rng, crowd, events, order)
    _sharing(rng, crowd, events, adults)
    _analysis(rng, crowd, events, adults)
    _support(rng, crowd, events)
    _young_savers(rng, crowd, events)
    _objections(rng, crowd, events, adults)
    _californians(rng, crowd, events)
    _restrictions(rng, crowd, events, adults)
    _moves(rng, crowd, events, adults)
    return events


def people_in(crowd: Crowd, order: Orders, events: Events) -> dict[str, int]:
    """One customer per group in whom nothing else stands in the way, as far as there is one."""
    calm = np.isin(crowd.residence.astype(str), ("PT", "DE", "FR", "ES")) & (order.count > 0)
    told = np.zeros(len(crowd), dtype=bool)
    told[events.groups["notice_2026_served"]] = True
    for label, who in events.groups.items():
        if label.startswith((*STOPS, *BROKEN)):
            calm[who] = False
    found: dict[str, int] = {}
    for label, who in events.groups.items():
        if label not in BROKEN:
            best = [*who[calm[who] & told[who]][:1], *who[told[who]][:1], *who[:1]]
            found[label] = int(best[0])
    return found


STOPS = ("objected_", "similar_products_objected", "restricted_", "gpc_", "opted_out", "lived_elsewhere")


def _notices_served(rng: np.random.Generator, crowd: Crowd, events: Events) -> None:
    """Each notice went to most of those who were customers then, and is shown to those who join."""
    changed = seconds(NEW_NOTICE_ON)
    early = crowd.created < changed
    who = np.flatnonzero(early & (rng.random(len(crowd)) < 0.72))
    at = crowd.joined[who] + rng.integers(60, 10 * DAY, len(who))
    who, at = who[at < changed], at[at < changed]
    events.add("notice_2025_served", who, at, NOTICE_SERVED, "", "email", MAILING, notice=OLD_NOTICE)
    who = np.flatnonzero(rng.random(len(crowd)) < np.where(early, 0.62, 0.95))
    at = np.maximum(crowd.created[who], changed) + rng.integers(60, 18 * DAY, len(who))
    at = np.minimum(at, crowd.end - 60)
    events.add("notice_2026_served", who, at, NOTICE_SERVED, "", "email", MAILING, notice=NEW_NOTICE)


def _newsletter(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    """Every way a newsletter consent can go, each in people of its own."""
    deck = _Deck(_settled(crowd, adults)[::2])
    end = crowd.end
    this_year = end - 330 * DAY  # a consent given since then is alive

    def signed_up(label: str, who: Ints, at: Ints) -> None:
        methods = _sign_up_methods(rng, crowd, who)
        how = How(Method.FORM, "signup", "web")
        events.add(label, who, at, GIVEN, "newsletter", "email", how, notice=BY_TIME, method=methods)

    def left(label: str, who: Ints, at: Ints, how: How) -> None:
        events.add(label, who, at, WITHDRAWN, "newsletter", "email", how)

    # Given more than a year ago and never opened since: it expires 12 months after the last open.
    who = deck.take(1_500)
    signed_up("newsletter_lapsed", who, between(rng, crowd.joined[who], end - 380 * DAY))

    # Never a year without an opened letter.
    who = deck.take(7_800)
    at = between(rng, np.maximum(crowd.joined[who], end - 700 * DAY), end - 320 * DAY)
    signed_up("newsletter_readers", who, at)
    halfway = between(rng, np.maximum(at, end - 360 * DAY), np.minimum(at + 350 * DAY, end - 310 * DAY))
    old = at < end - 350 * DAY
    events.add("opened_halfway", who[old], halfway[old], ACTIVE, "newsletter", "email", OPENED)
    lately = between(rng, np.full(len(who), end - 300 * DAY), end - DAY)
    events.add("opened_lately", who, lately, ACTIVE, "newsletter", "email", OPENED)

    who = deck.take(4_000)
    signed_up("newsletter_fresh", who, between(rng, np.maximum(crowd.joined[who], this_year), end))

    # Withdrawn; and withdrawn, but back again.
    who = deck.take(2_700)
    at = between(rng, crowd.joined[who], end - 10 * DAY)
    signed_up("newsletter_before_withdrawal", who, at)
    out = between(rng, at + 3600, end)
    left("withdrawn_by_one_click", who[:1_600], out[:1_600], ONE_CLICK)
    left("withdrawn_in_portal", who[1_600:], out[1_600:], PORTAL)
    who = deck.take(400)
    at = between(rng, crowd.joined[who], end - 340 * DAY)
    signed_up("newsletter_before_return", who, at)
    left("withdrawn_then_back", who, between(rng, at + 3600, this_year), ONE_CLICK)
    signed_up("newsletter_returned", who, between(rng, np.full(len(who), this_year), end))

    # Both in the same second: the withdrawal wins (T04).
    who = deck.take(20)
    at = between(rng, np.maximum(crowd.joined[who], this_year), end)
    signed_up("newsletter_tied", who, at)
    left("withdrawn_in_the_same_second", who, at, APP)


def _left_behind(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    """No, not now, and what older systems left behind: none of it is a consent to the newsletter."""
    deck = _Deck(_settled(crowd, adults)[1::2])
    long_ago = seconds(date(2019, 1, 1))

    def said(label: str, who: Ints, at: Ints, kind: EventKind, how: How = FORM, notice: str = "") -> None:
        events.add(label, who, at, kind, "newsletter", "email", how, notice=notice)

    who = deck.take(5_200)
    said("newsletter_refused", who, between(rng, crowd.joined[who], crowd.end), REFUSED, notice=BY_TIME)
    who = deck.take(2_100)
    said("newsletter_deferred", who, between(rng, crowd.joined[who], crowd.end), DEFERRED, notice=BY_TIME)

    who = deck.take(1_200)
    said("newsletter_pre_ticked", who, between(rng, np.full(1_200, long_ago), crowd.start), GIVEN, PRE_TICKED)
    who = deck.take(1_500)
    said("newsletter_unproven", who, between(rng, np.full(1_500, long_ago), crowd.start), GIVEN, OLD_FLAG)
    who = deck.take(780)
    said("newsletter_copied", who, between(rng, crowd.joined[who], crowd.end), GIVEN, COPIED)
    # A copy that comes an hour after a withdrawal and looks newer must not undo it (S14).
    who = deck.take(120)
    at = between(rng, crowd.joined[who], crowd.end - 60 * DAY)
    said("withdrawn_before_copy", who, at, WITHDRAWN, ONE_CLICK)
    said("newsletter_copied_after_withdrawal", who, at + 3600, GIVEN, COPIED)

    # A box for all of marketing, on the 2025 form: covers what that notice named, not what came later (S06).
    early = _Deck(deck.rest[crowd.created[deck.rest] < seconds(NEW_NOTICE_ON) - 10 * DAY])
    who = early.take(800)
    deck = _Deck(deck.rest[~np.isin(deck.rest, who)])
    at = between(rng, crowd.joined[who], seconds(NEW_NOTICE_ON))
    events.add("marketing_heading_given", who, at, GIVEN, "marketing", "email", FORM, notice=OLD_NOTICE)

    # A clock that runs fast stamps days ahead of today (T06).
    who = deck.take(35)
    at = crowd.end + rng.integers(3 * DAY, 40 * DAY, 35)
    said("newsletter_from_the_future", who, at, GIVEN, APP, notice=NEW_NOTICE)
    for name, fault in BROKEN.items():
        who = deck.take(fault.rows)
        at = between(rng, np.maximum(crowd.joined[who], crowd.end - 330 * DAY), crowd.end)
        said(name, who, at, GIVEN, How(Method.FORM, "form", name), BY_TIME)


def _offers(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    """Savings offers by e-mail since 2025, by telephone since the second notice."""
    deck = _Deck(rng.permutation(adults))
    scope = "savings-offers"
    who = deck.take(6_300)
    at = between(rng, crowd.joined[who], crowd.end)
    events.add("offers_email_given", who, at, GIVEN, scope, "email", FORM, notice=BY_TIME)
    out = between(rng, at[:750], crowd.end)
    events.add("offers_email_withdrawn", who[:750], out, WITHDRAWN, scope, "email", PORTAL)

    since = np.maximum(crowd.joined, seconds(NEW_NOTICE_ON))
    who = deck.take(2_600)
    at = between(rng, since[who], crowd.end)
    events.add("offers_phone_recorded", who, at, GIVEN, scope, "phone", RECORDED_CALL, notice=NEW_NOTICE)
    who = deck.take(400)
    at = between(rng, np.minimum(since[who], crowd.end - 101 * DAY), crowd.end - 100 * DAY)
    until = at + 90 * DAY
    events.add(
        "offers_phone_for_90_days",
        who,
        at,
        GIVEN,
        scope,
        "phone",
        RECORDED_CALL,
        notice=NEW_NOTICE,
        until=until,
    )
    # The agent ticked the box, and there is no recording (S21).
    who = deck.take(200)
    at = between(rng, since[who], crowd.end)
    events.add("offers_phone_without_recording", who, at, GIVEN, scope, "phone", CALL, notice=NEW_NOTICE)


def _bought(rng: np.random.Generator, crowd: Crowd, events: Events, order: Orders) -> None:
    """Soft opt-in: an address given at a sale, with the chance to refuse; at the time of a real order."""
    eligible = np.flatnonzero(~crowd.youth[order.who] & (order.at >= crowd.start))
    sales = np.sort(rng.choice(eligible, 9_000, replace=False))
    _, first = np.unique(order.who[sales], return_index=True)
    sales = sales[np.sort(first)]
    who, at = order.who[sales], order.at[sales]
    events.add("soft_opt_in", who, at, SOFT_OPT_IN, "similar-products", "email", AT_THE_SALE, notice=BY_TIME)
    no = between(rng, at[:260], crowd.end)
    events.add("similar_products_objected", who[:260], no, OBJECTED, "similar-products", "email", ONE_CLICK)


def _sharing(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    """Consent to data leaving the house. Partner offers exist since the second notice only."""
    settled = rng.permutation(_settled(crowd, adults))
    changed = seconds(NEW_NOTICE_ON)
    who = _Deck(settled[crowd.created[settled] < changed - 10 * DAY]).take(2_000)
    at = between(rng, crowd.joined[who], changed)
    events.add("ads_given_2025", who, at, GIVEN, "ads-audience", notice=OLD_NOTICE)
    deck = _Deck(settled[~np.isin(settled, who)])
    who = deck.take(2_000)
    at = between(rng, np.maximum(crowd.joined[who], changed), crowd.end)
    events.add("ads_given_2026", who, at, GIVEN, "ads-audience", notice=NEW_NOTICE)
    events.add("ads_withdrawn", who[:400], between(rng, at[:400], crowd.end), WITHDRAWN, "ads-audience", how=PORTAL)
    who = deck.take(2_200)
    at = between(rng, np.maximum(crowd.joined[who], changed), crowd.end)
    events.add("partner_given", who, at, GIVEN, "partner-offers", "email", notice=NEW_NOTICE)


def _analysis(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    deck = _Deck(rng.permutation(adults))
    who = deck.take(11_000)
    at = between(rng, crowd.joined[who], crowd.end)
    events.add("analysis_given", who, at, GIVEN, "churn-analysis", notice=BY_TIME)
    out = between(rng, at[:900], crowd.end)
    events.add("analysis_withdrawn", who[:900], out, WITHDRAWN, "churn-analysis", how=PORTAL)
    who = deck.take(2_400)
    at = between(rng, crowd.joined[who], crowd.end)
    events.add("analysis_refused", who, at, REFUSED, "churn-analysis", notice=BY_TIME)


def _support(rng: np.random.Generator, crowd: Crowd, events: Events) -> None:
    """Half of those whose note speaks of their health asked Meadow to remember it (Art. 9(2)(a))."""
    frail = np.flatnonzero(crowd.has_health_note & ~crowd.youth)
    who = frail[rng.random(len(frail)) < 0.55]
    at = between(rng, crowd.joined[who], crowd.end)
    events.add("support_explicit", who, at, GIVEN, "support", "", RECORDED_CALL, notice=BY_TIME)


def _young_savers(rng: np.random.Generator, crowd: Crowd, events: Events) -> None:
    """A parent agreed for some, others agreed alone; where the law sets 15 or 16, some were too young."""
    deck = _Deck(rng.permutation(np.flatnonzero(crowd.youth)))
    for label, size, how in (("young_guardian", 60, PARENT), ("young_alone", 50, FORM)):
        who = deck.take(size)
        at = between(rng, np.maximum(crowd.joined[who], crowd.end - 180 * DAY), crowd.end)
        events.add(label, who, at, GIVEN, "young-savers", "", how, notice=BY_TIME)


def _objections(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    deck = _Deck(rng.permutation(adults))
    who = deck.take(900)
    at = between(rng, crowd.joined[who], crowd.end - DAY)
    events.add("objected_to_marketing", who, at, OBJECTED, DIRECT_MARKETING, "", PORTAL)
    again = between(rng, at[:40] + 60, crowd.end)
    events.add("objection_lifted", who[:40], again, OBJECTION_LIFTED, DIRECT_MARKETING, "", PORTAL)
    for label, size, purpose in (
        ("objected_to_fraud_check", 60, "fraud-check"),
        ("objected_to_statistics", 250, "statistics"),
    ):
        who = deck.take(size)
        events.add(label, who, between(rng, crowd.joined[who], crowd.end), OBJECTED, purpose, "", PORTAL)


def _californians(rng: np.random.Generator, crowd: Crowd, events: Events) -> None:
    deck = _Deck(rng.permutation(np.flatnonzero((crowd.residence == "US-CA") & ~crowd.youth)))
    who = deck.take(280)
    at = between(rng, crowd.joined[who], crowd.end - 30 * DAY)
    events.add("gpc_signal", who, at, SIGNAL_GPC, "", "", GPC)
    asked = between(rng, at[:15], crowd.end)
    events.add("gpc_asked", who[:15], asked, SIGNAL_ASKED, "ads-audience", "", PORTAL)
    who = deck.take(190)
    at = between(rng, crowd.joined[who], crowd.end - 30 * DAY)
    events.add("opted_out_of_sharing", who, at, OPTED_OUT, "", "", PORTAL)
    events.add("opted_in_again", who[:25], between(rng, at[:25] + 1, crowd.end), OPTED_IN_AGAIN, "", "", PORTAL)


def _restrictions(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    deck = _Deck(rng.permutation(adults))
    who = deck.take(25)
    at = between(rng, crowd.joined[who], crowd.end - 20 * DAY)
    lifted = between(rng, at[:8] + 1, crowd.end)
    events.add("restricted_record", who, at, RESTRICTED, "", "", LETTER)
    events.add("restriction_lifted", who[:4], lifted[:4], RESTRICTION_LIFTED, "", "", LETTER)
    # A job lifted these without telling anybody: that lifts nothing (Art. 18(3), O09).
    events.add("restriction_lifted_untold", who[4:8], lifted[4:], RESTRICTION_LIFTED, "", "", NIGHTLY_JOB)
    who = deck.take(15)
    at = between(rng, crowd.joined[who], crowd.end - 20 * DAY)
    events.add("restricted_balance", who, at, RESTRICTED, "customer.balance", "", LETTER)


def _moves(rng: np.random.Generator, crowd: Crowd, events: Events, adults: Ints) -> None:
    """Where they lived before, and since when they live where the CRM says (J03)."""
    deck = _Deck(rng.permutation(adults[crowd.residence[adults] != ""]))
    who = deck.take(120)
    now = crowd.residence[who]
    before = np.array(["US-CA", "GB", "PT", "FR"], dtype=object)[np.arange(len(who)) % 4]
    before[before == now] = "NL"
    begin = crowd.joined[who]
    events.add("lived_elsewhere", who, begin, MOVED, "", "", ADDRESS_CHANGE, value=before)
    events.add("moved", who, between(rng, begin + DAY, crowd.end), MOVED, "", "", ADDRESS_CHANGE, value=now)


class _Deck:
    """Customers in a row, dealt without putting back."""

    def __init__(self, who: Ints) -> None:
        self._who = who
        self._next = 0

    @property
    def rest(self) -> Ints:
        return self._who[self._next :]

    def take(self, count: int) -> Ints:
        hand = self._who[self._next : self._next + count]
        if len(hand) < count:
            raise ValueError(f"{count} customers wanted, {len(hand)} left")
        self._next += count
        return hand


def _settled(crowd: Crowd, adults: Ints) -> Ints:
    """Those who have been customers for well over a year."""
    who: Ints = adults[crowd.created[adults] < crowd.end - 420 * DAY]
    return who


def _sign_up_methods(rng: np.random.Generator, crowd: Crowd, who: Ints) -> Texts:
    """Double opt-in always in Germany and Austria, where courts ask for it; elsewhere for most."""
    strict = (crowd.residence[who] == "DE") | (crowd.residence[who] == "AT")
    draw = rng.random(len(who))
    choices = [Method.DOUBLE_OPT_IN.value, Method.FORM.value]
    return np.select([strict | (draw < 0.6), draw < 0.85], choices, Method.PORTAL.value).astype(object)


def _notice_at(at: Ints) -> Texts:
    return np.where(at < seconds(NEW_NOTICE_ON), OLD_NOTICE, NEW_NOTICE).astype(object)


OFFSET_MINUTES = {"call-centre": 60, "mailer": 120, "shop": 60, "app": -480}
"""Every system stamps with its own offset; the rest speak UTC."""


def _stamp_with_offset(at: Ints, source: pa.Array) -> pa.Array:
    """RFC 3339 as the source system writes it."""
    systems = list(OFFSET_MINUTES)
    index = pc.fill_null(pc.index_in(source, pa.array(systems)), len(systems)).to_numpy(zero_copy_only=False)
    minutes = np.array([*OFFSET_MINUTES.values(), 0])[index]
    local = np.datetime_as_string((at + minutes * 60).astype("datetime64[s]"), unit="s")
    suffixes = [f"{'-' if m < 0 else '+'}{abs(m) // 60:02d}:{abs(m) % 60:02d}" for m in OFFSET_MINUTES.values()]
    suffix = pa.array([*suffixes, "Z"]).take(pa.array(index))
    return pc.binary_join_element_wise(pa.array(local, pa.string()), suffix, "")
