"""Who Meadow's customers are: real rows of a campaign, made into people who do not exist.

Easy to get wrong: the campaign's rows are in order of time, May 2008 to
November 2010, without a year, so the year is counted along them; the demo then
moves all of it by whole years, so that the last call lies just before today and
nobody is a hundred and twenty years old. Nobody orders before joining.

Source of the rows: see `data/SOURCES.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rightful.demo import words
from rightful.demo.columns import DAY, Bools, Ints, between, keys, numbered, seconds, stamp

CAMPAIGN = Path(__file__).parent / "data" / "bank-marketing.csv"
YOUTH = 150
ORDERS = 120_000
VISITS = 150_000
HISTORY_FROM = date(2025, 1, 7)  # Meadow's first notice: no consent event of ours is older
HISTORY_AT_LEAST_FROM = date(2025, 7, 1)  # so that there are consents given on it, however late the demo plays

FIRST_YEAR = 2008  # of the campaign's first row
LAST_CALL = (11, 17)  # month and day of its last row, in 2010


@dataclass(slots=True)
class Crowd:
    """All customers in columns; instants are whole seconds since 1970 (UTC)."""

    raw: pa.Table
    end: int  # today, 00:00
    start: int  # where the consent history begins
    called: np.ndarray  # datetime64[D]
    created: Ints
    birth: np.ndarray  # datetime64[D]
    youth: Bools
    place: Ints  # index into words.PLACES
    residence: np.ndarray
    language: np.ndarray
    has_health_note: Bools

    def __len__(self) -> int:
        return len(self.created)

    @property
    def joined(self) -> Ints:
        """First instant at which something could be said: the history's start, or joining."""
        return np.maximum(self.created, self.start)


def crowd_on(rng: np.random.Generator, today: date) -> Crowd:
    raw = pyarrow.csv.read_csv(CAMPAIGN)
    n = raw.num_rows
    end = seconds(today)
    called = _call_days(raw, today)
    called_s: Ints = called.astype("datetime64[s]").astype(np.int64)
    known_for = np.maximum(raw["pdays"].to_numpy(), 0) + rng.integers(30, 2000, n)
    created: Ints = called_s - known_for * DAY + rng.integers(7 * 3600, 20 * 3600, n)

    youth = _youth(raw)
    age = raw["age"].to_numpy()
    # On the day of the call the person had had exactly `age` birthdays.
    birth = _years_before(called, age) - rng.integers(0, 365, n).astype("timedelta64[D]")
    # Young customers: 14 to 17 today. Day 1 to 364 before a birthday, so never on the edge.
    midnight = np.full(YOUTH, np.datetime64(today, "D"))
    young = _years_before(midnight, rng.integers(14, 18, YOUTH)) - rng.integers(1, 360, YOUTH).astype("timedelta64[D]")
    birth[youth] = young
    created[youth] = np.maximum(created[youth], end - rng.integers(200, 900, YOUTH) * DAY)

    shares = np.array([p.share for p in words.PLACES])
    place: Ints = rng.choice(len(shares), n, p=shares / shares.sum())
    residences = np.array([p.residence for p in words.PLACES], dtype=object)
    languages = np.array([p.language for p in words.PLACES], dtype=object)
    return Crowd(
        raw=raw,
        end=end,
        start=min(max(end - 730 * DAY, seconds(HISTORY_FROM)), seconds(HISTORY_AT_LEAST_FROM)),
        called=called,
        created=created,
        birth=birth,
        youth=youth,
        place=place,
        residence=residences[place],
        language=languages[place],
        has_health_note=rng.random(n) < 0.02,
    )


def _call_days(raw: pa.Table, today: date) -> np.ndarray:
    """The day of the last call: day and month from the data, the year counted along the rows, then moved."""
    names = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    month = pc.index_in(raw["month"], pa.array(names)).to_numpy()
    turns = np.concatenate([[0], np.cumsum(np.diff(month) < 0)])  # December to January
    last = today.year if (today.month, today.day) > LAST_CALL else today.year - 1
    year = FIRST_YEAR + turns + (last - (FIRST_YEAR + int(turns[-1])))
    first = ((year - 1970) * 12 + month).astype("datetime64[M]").astype("datetime64[D]")
    days: np.ndarray = first + (raw["day"].to_numpy() - 1).astype("timedelta64[D]")
    return days


def _years_before(day: np.ndarray, years: np.ndarray) -> np.ndarray:
    """The same day some years earlier; what would be 29 February in a common year becomes 28 February."""
    months = day.astype("datetime64[M]")
    offset = (day - months.astype("datetime64[D]")).astype(np.int64)
    earlier = months - (years * 12).astype("timedelta64[M]")
    length = ((earlier + 1).astype("datetime64[D]") - earlier.astype("datetime64[D]")).astype(np.int64)
    back: np.ndarray = earlier.astype("datetime64[D]") + np.minimum(offset, length - 1).astype("timedelta64[D]")
    return back


def _youth(raw: pa.Table) -> Bools:
    """The 150 youngest single students without a loan (18 to 22 in the data) hold Meadow's youth accounts."""
    fits = np.ones(raw.num_rows, dtype=bool)
    for column, value in (
        ("job", "student"),
        ("marital", "single"),
        ("housing", "no"),
        ("loan", "no"),
        ("default", "no"),
    ):
        fits &= pc.equal(raw[column], value).to_numpy(zero_copy_only=False)
    who = np.flatnonzero(fits)
    youngest = who[np.argsort(raw["age"].to_numpy()[who], kind="stable")][:YOUTH]
    chosen = np.zeros(raw.num_rows, dtype=bool)
    chosen[youngest] = True
    return chosen


def customer_table(rng: np.random.Generator, crowd: Crowd, order: Orders) -> pa.Table:
    raw, n = crowd.raw, len(crowd)
    ids = keys(np.arange(n))
    first, last, email, phone = _identity(rng, crowd)
    street, postcode, city = _addresses(rng, crowd)
    balance = raw["balance"].to_numpy()
    age = raw["age"].to_numpy()
    segment = np.select(
        [
            crowd.youth,
            balance >= 5_000,
            age >= 60,
            pc.is_in(raw["job"], pa.array(["self-employed", "entrepreneur"])).to_numpy(zero_copy_only=False),
            age < 30,
        ],
        ["youth", "affluent", "senior", "business", "starter"],
        "private",
    )
    ltv = np.round(np.maximum(balance, 0) * 0.021 + order.count * 14.5 + rng.gamma(2.0, 60.0, n), 2)
    previous = raw["pdays"].to_numpy()
    columns: dict[str, Any] = {
        "id": ids,
        "first_name": first,
        "last_name": last,
        "email": email,
        "phone": phone,
        "street": street,
        "postcode": postcode,
        "city": city,
        "country": pc.utf8_slice_codeunits(pa.array(crowd.residence, pa.string()), 0, 2),
        "residence": pa.array(crowd.residence, pa.string()),
        "language": pa.array(crowd.language, pa.string()),
        "birth_date": pa.array(crowd.birth),
        "account_kind": pa.array(np.where(crowd.youth, "youth", "adult"), pa.string()),
        "age": raw["age"],
        "job": raw["job"],
        "marital": raw["marital"],
        "education": raw["education"],
        "default_credit": pc.equal(raw["default"], "yes"),
        "balance": raw["balance"],
        "housing_loan": pc.equal(raw["housing"], "yes"),
        "personal_loan": pc.equal(raw["loan"], "yes"),
        "contact_kind": raw["contact"],
        "last_contact_on": pa.array(crowd.called),
        "duration_s": raw["duration"],
        "campaign_contacts": raw["campaign"],
        "days_since_previous": pa.array(previous, mask=previous < 0),  # the data's -1: never called before
        "previous_contacts": raw["previous"],
        "previous_outcome": raw["poutcome"],
        "subscribed": pc.equal(raw["y"], "yes"),
        "segment": pa.array(segment, pa.string()),
        "ltv": pa.array(ltv),
        "orders": pa.array(order.count),
        "last_order": order.last,
        "care_need": _care_needs(rng, crowd),
        "notes": _notes(rng, crowd),
        "created_at": stamp(crowd.created),
    }
    return pa.table(columns)


def _identity(rng: np.random.Generator, crowd: Crowd) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """Names by language, a mailbox under a reserved domain, a number nobody answers."""
    n = len(crowd)
    first, last = np.empty(n, dtype=object), np.empty(n, dtype=object)
    for language in sorted(words.FIRST_NAMES):
        here = np.flatnonzero(crowd.language == language)
        first[here] = rng.choice(np.array(words.FIRST_NAMES[language], dtype=object), len(here))
        last[here] = rng.choice(np.array(words.LAST_NAMES[language], dtype=object), len(here))
    firsts, lasts = pa.array(first, pa.string()), pa.array(last, pa.string())
    number = pa.array(np.arange(1, n + 1)).cast(pa.string())
    domain = pa.array(words.DOMAINS).take(pa.array(rng.integers(0, len(words.DOMAINS), n)))
    local = pc.binary_join_element_wise(_plain(firsts), _plain(lasts), number, ".")
    email = pc.binary_join_element_wise(local, domain, "@")
    phone = _filled(rng, crowd, [p.phone for p in words.PLACES])
    return firsts, lasts, email, phone


def _plain(names: pa.Array) -> pa.Array:
    """Names as they stand in a mailbox: lower case, without accents and spaces."""
    text = pc.utf8_normalize(pc.utf8_lower(names), "NFKD")
    return pc.replace_substring_regex(text, "[^a-z]", "")


def _addresses(rng: np.random.Generator, crowd: Crowd) -> tuple[pa.Array, pa.Array, pa.Array]:
    n = len(crowd)
    street, city = np.empty(n, dtype=object), np.empty(n, dtype=object)
    for index, place in enumerate(words.PLACES):
        here = np.flatnonzero(crowd.place == index)
        street[here] = rng.choice(np.array(place.streets, dtype=object), len(here))
        city[here] = rng.choice(np.array(place.cities, dtype=object), len(here))
    number = pa.array(rng.integers(1, 180, n)).cast(pa.string())
    streets = pa.array(street, pa.string())
    whole = pc.if_else(pc.equal(streets, ""), "", pc.binary_join_element_wise(streets, number, " "))
    return whole, _filled(rng, crowd, [p.postcode for p in words.PLACES]), pa.array(city, pa.string())


def _filled(rng: np.random.Generator, crowd: Crowd, patterns: Sequence[str]) -> pa.Array:
    """Each customer's pattern with every `#` replaced by a digit, one after the other."""
    text = pa.array(patterns).take(pa.array(crowd.place))
    for _ in range(max(pattern.count("#") for pattern in patterns)):
        digit = pa.array([str(d) for d in range(10)]).take(pa.array(rng.integers(0, 10, len(crowd))))
        head, tail = _split_at_hash(text)
        text = pc.if_else(pc.match_substring(text, "#"), pc.binary_join_element_wise(head, digit, tail, ""), text)
    return text


def _split_at_hash(text: pa.Array) -> tuple[pa.Array, pa.Array]:
    parts = pc.extract_regex(text, "^(?P<head>[^#]*)#?(?P<tail>.*)$")
    return pc.struct_field(parts, "head"), pc.struct_field(parts, "tail")


def _notes(rng: np.random.Generator, crowd: Crowd) -> pa.Array:
    n = len(crowd)
    plain = pa.array(words.PLAIN_REMARKS).take(pa.array(rng.integers(0, len(words.PLAIN_REMARKS), n)))
    health = pa.array(words.HEALTH_HINTS).take(pa.array(rng.integers(0, len(words.HEALTH_HINTS), n)))
    text = pc.if_else(pa.array(rng.random(n) < 0.25), plain, "")
    return pc.if_else(pa.array(crowd.has_health_note), health, text)


def _care_needs(rng: np.random.Generator, crowd: Crowd) -> pa.Array:
    """What somebody needs of us for their health: known for most of those whose note speaks of it."""
    need = pa.array(words.CARE_NEEDS).take(pa.array(rng.integers(0, len(words.CARE_NEEDS), len(crowd))))
    return pc.if_else(pa.array(crowd.has_health_note & (rng.random(len(crowd)) < 0.7)), need, "")


@dataclass(slots=True)
class Orders:
    table: pa.Table
    who: Ints
    at: Ints
    count: Ints
    last: pa.Array  # date32, null where there is none
    health_notes: int


def orders_by(rng: np.random.Generator, crowd: Crowd) -> Orders:
    who, at = _doings(rng, crowd, ORDERS, keen=0.8)
    product = rng.integers(0, len(words.PRODUCTS), ORDERS)
    price = np.array([p for _, p in words.PRODUCTS])[product]
    amount = np.round(price * rng.choice([1, 1, 1, 2, 3], ORDERS), 2)
    draw = rng.random(ORDERS)
    greeting = pa.array(words.GIFT_NOTES).take(pa.array(rng.integers(0, len(words.GIFT_NOTES), ORDERS)))
    health = pa.array(words.HEALTH_GIFT_NOTES).take(pa.array(rng.integers(0, len(words.HEALTH_GIFT_NOTES), ORDERS)))
    note = pc.if_else(pa.array(draw < 0.004), health, pc.if_else(pa.array(draw < 0.04), greeting, ""))
    last = np.full(len(crowd), np.iinfo(np.int64).min)
    np.maximum.at(last, who, at)
    none = last < 0
    days = pa.array(np.where(none, 0, last // DAY).astype("datetime64[D]"), mask=none)
    table = pa.table(
        {
            "id": numbered("O-", 1, ORDERS, 7),
            "customer_id": keys(who),
            "ordered_at": stamp(at),
            "product": pa.array([p for p, _ in words.PRODUCTS]).take(pa.array(product)),
            "amount": pa.array(amount),
            "gift_note": note,
        }
    )
    return Orders(table, who, at, np.bincount(who, minlength=len(crowd)), days, int((draw < 0.004).sum()))


def visit_table(rng: np.random.Generator, crowd: Crowd) -> pa.Table:
    who, at = _doings(rng, crowd, VISITS, keen=0.6)
    return pa.table(
        {
            "id": numbered("V-", 1, VISITS, 7),
            "customer_id": keys(who),
            "visited_at": stamp(at),
            "page": pa.array(words.PAGES).take(pa.array(rng.integers(0, len(words.PAGES), VISITS))),
            "seconds": pa.array(np.minimum(rng.geometric(0.02, VISITS), 1800)),
        }
    )


def _doings(rng: np.random.Generator, crowd: Crowd, count: int, *, keen: float) -> tuple[Ints, Ints]:
    """Who did something, and when, in order of time: some customers often, many rarely, some never."""
    weight = rng.gamma(keen, 1.0, len(crowd))
    who: Ints = rng.choice(len(crowd), count, p=weight / weight.sum())
    begin = np.maximum(crowd.created, crowd.end - 730 * DAY)[who]
    at = between(rng, begin, crowd.end)
    turn = np.argsort(at, kind="stable")
    return who[turn], at[turn]
