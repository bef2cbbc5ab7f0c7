"""When something is due: one clock of one law, turned into date arithmetic.

The laws count differently: in calendar months that move on when they end on a
holiday, in calendar days that do not, in working days, in hours. Where a text
can be read in two ways, both dates are worked out: `due` is the usual reading,
`safe` the earliest one, and that is what people are shown first.

Easy to get wrong: the day of receipt is the day in the controller's zone, not in
UTC; 31 January plus one month; a pause moves the end before weekends are looked
at, not after; a date before which one must *not* act is rounded later, never earlier.
Nothing here reads a clock: instants, holidays and pauses come in.

Sources: Regulation (EEC, Euratom) 1182/71 Art. 3; CJEU C-171/03; GDPR Art. 12(3), 33(1);
EDPB Guidelines 01/2022; UK GDPR Art. 12A; 11 CCR 7021, 7026. Each clock names its own.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rightful.errors import BadInput

SATURDAY = 5
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
UNITS = ("month", "day", "working-day", "hour", "not-before-month")

# How a pause works under a law.
SUSPENDS = "suspends"  # the days from the question to the answer do not count
SUSPENDS_BOTH_ENDS = "suspends-both-ends"  # the day of the question and that of the answer do not count either
STARTS = "starts"  # the clock starts when what was asked for has come


@dataclass(frozen=True, slots=True)
class Extension:
    """More time that a law grants, once, if the person is told why before the first term is over."""

    count: int
    article: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """One term of one law.

    Attributes:
        covers: kinds of request, or the duty ("breach", "confirm", "ask-again").
        unit: one of UNITS.
        moves: a term that ends on a Saturday, a Sunday or a holiday ends on the next working day.
        note: what the text says, or does not say, about counting; part of the reasoning.
        pauses: what was waited for ("identity", "clarification", "fee") -> how that works here.
        start_rule: why the clock starts late, where a pause is of the kind that starts it.
        cautious: readings that give an earlier date: "no-pause", "step-by-step", "day-early", "weekends-only",
            "exact".
        since, until: when this number is law; half-open.
        status: "read", "knowledge" or "unverified", as in the table of facts it comes from.
    """

    id: str
    law: str
    title: str
    article: str
    covers: tuple[str, ...]
    unit: str
    count: int
    moves: bool = False
    note: str = ""
    pauses: Mapping[str, str] = field(default_factory=dict)
    start_rule: str = ""
    extension: Extension | None = None
    cautious: tuple[str, ...] = ()
    cautious_note: str = ""
    since: date | None = None
    until: date | None = None
    status: str = "knowledge"

    def in_force(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Law:
    """A law as far as its clocks go. `where` are ISO 3166 codes; `family` is a policy's word for a group of laws."""

    id: str
    name: str
    instrument: str
    where: tuple[str, ...]
    clocks: tuple[Clock, ...]
    family: str = ""
    signals: bool = False
    refusals: Mapping[str, str] = field(default_factory=dict)

    def clock_for(self, what: str, day: date) -> Clock | None:
        """The clock for a kind of request on a day; the general one where the law has none of its own."""
        running = [c for c in self.clocks if c.in_force(day)]
        return next((c for c in running if what in c.covers), None)


@dataclass(frozen=True, slots=True)
class Pause:
    """Time waited for somebody else: days from `began` to `ended`, both in the controller's zone."""

    what: str
    began: date
    ended: date


@dataclass(frozen=True, slots=True)
class Due:
    """A date with its reasons.

    Attributes:
        due: the last day (or the first one, for a clock that says not before).
        safe: the earliest date of any reading; what is shown first.
        at, safe_at: the instants, for a clock that counts hours.
        counted_to: the end of the term before weekends and holidays are looked at.
        notice_due: last day to tell the person that more time is needed.
    """

    clock: str
    article: str
    due: date
    safe: date
    counted_to: date
    reasoning: str
    inputs: Mapping[str, str]
    at: datetime | None = None
    safe_at: datetime | None = None
    notice_due: date | None = None
    notice_reasoning: str = ""


def due(
    clock: Clock,
    received: date | datetime,
    *,
    zone: ZoneInfo,
    holidays: Mapping[date, str] | None = None,
    extended: bool = False,
    pauses: Sequence[Pause] = (),
) -> Due:
    """Work out when this clock runs out.

    Args:
        received: the instant, zone-aware, or the day in the controller's zone. Hours need an instant.
        holidays: public holidays at the controller's seat, day -> name.
        extended: the person has been told, with reasons, that more time is needed.
        pauses: what was waited for; kinds this law does not know change nothing.

    Raises:
        BadInput: an extension the law does not grant, an instant without a zone.
    """
    free = holidays or {}
    if extended and clock.extension is None:
        raise BadInput(f"{clock.law} grants no further time here", remedy="Answer within the first term")
    if isinstance(received, datetime) and received.tzinfo is None:
        raise BadInput("the instant of receipt has no zone", remedy="Write it with its offset")
    inputs = _inputs(clock, received, zone, free, extended, pauses)
    if clock.unit == "hour":
        return _hours(clock, received, zone, inputs)
    day = received.astimezone(zone).date() if isinstance(received, datetime) else received
    if clock.unit == "not-before-month":
        return _not_before(clock, day, inputs)
    known = [p for p in pauses if p.what in clock.pauses]
    start, said = _start(clock, day, known)
    count = clock.count + (clock.extension.count if extended and clock.extension else 0)
    counted, words = _count(clock, start, count, known, free)
    said += words
    end, words = _move(counted, free) if clock.moves else (counted, [])
    said += words
    said.append(f"due by the end of {end.isoformat()} ({end:%A})")
    notice, notice_words = (None, "")
    if clock.extension is not None:
        first = due(clock, received, zone=zone, holidays=free, pauses=pauses) if extended else None
        notice, notice_words = (first.due, first.reasoning) if first else (end, "; ".join(said))
    safe = min([end, *_readings(clock, day, start, extended, known, free)])
    return Due(
        clock.id,
        clock.article,
        end,
        safe,
        counted,
        "; ".join(said),
        inputs,
        notice_due=notice,
        notice_reasoning=notice_words,
    )


def after_months(day: date, months: int) -> date:
    """The same date some months on; where it does not exist, that month's last day (1182/71 Art. 3(2)(c))."""
    month = day.year * 12 + day.month - 1 + months
    year, index = divmod(month, 12)
    return date(year, index + 1, min(day.day, monthrange(year, index + 1)[1]))


def working_days_after(day: date, count: int, holidays: Mapping[date, str] | None = None) -> date:
    """The `count`th working day after a day."""
    free = holidays or {}
    while count:
        day += DAY
        count -= not _is_free(day, free)
    return day


def laws_for(
    laws: Mapping[str, Law], residence: str, configured: Iterable[tuple[Sequence[str], Sequence[str]]]
) -> tuple[tuple[Law, ...], str]:
    """Which laws' clocks count for a customer, and why.

    What the policy says about the residence counts, and the law of that place; for a residence nobody
    knows, or a place without a law here, every configured law: the earliest date will count.

    Args:
        configured: of each regime, its laws and the places it governs.
    """
    regimes = [(tuple(names), tuple(where)) for names, where in configured]
    if residence:
        chosen = [name for names, where in regimes if _lies_in(residence, where) for name in names]
        local = [law for law in laws.values() if _lies_in(residence, law.where)]
        nearest = max((len(_match(residence, law.where)) for law in local), default=0)
        near = [law for law in local if len(_match(residence, law.where)) == nearest]
        if found := _once([*_named(laws, chosen, residence), *near]):
            return found, f"the customer lives in {residence}"
        why = f"no law here is made for {residence}, so of all laws of the policy the earliest date counts"
    else:
        why = "it is not known where the customer lives, so of all laws of the policy the earliest date counts"
    every = _named(laws, [name for names, _ in regimes for name in names], "")
    return every or tuple(laws.values()), why


def strictest(found: Iterable[Due]) -> Due | None:
    """The one that is due first."""
    return min(found, key=lambda one: (one.safe, one.due, one.clock), default=None)


def _named(laws: Mapping[str, Law], names: Iterable[str], residence: str) -> tuple[Law, ...]:
    wanted = dict.fromkeys(names)
    found = [laws[name] for name in wanted if name in laws]
    for family in wanted:
        members = [law for law in laws.values() if law.family == family]
        found += [law for law in members if not residence or _lies_in(residence, law.where)]
    return _once(found)


def _once(laws: Iterable[Law]) -> tuple[Law, ...]:
    return tuple({law.id: law for law in laws}.values())


def _lies_in(residence: str, where: Iterable[str]) -> bool:
    return bool(_match(residence, where))


def _match(residence: str, where: Iterable[str]) -> str:
    return next((w for w in where if residence == w or residence.startswith(w + "-")), "")


def _start(clock: Clock, day: date, pauses: Sequence[Pause]) -> tuple[date, list[str]]:
    arrivals = [p.ended for p in pauses if clock.pauses[p.what] == STARTS and p.ended > day]
    if not arrivals:
        return day, []
    start = max(arrivals)
    return start, [f"clock starts on {start.isoformat()} ({clock.start_rule})"]


def _count(
    clock: Clock, start: date, count: int, pauses: Sequence[Pause], holidays: Mapping[date, str]
) -> tuple[date, list[str]]:
    """The end of the term before it is moved, and how it was found."""
    if clock.unit == "month":
        end = after_months(start, count)
        months = f"{count} calendar month{'s' if count != 1 else ''} from {start.isoformat()}"
        same = "same date in the last month"
        if end.day != start.day:
            said = [f"{months} -> {same}; that date does not exist, so the last day of the month, {end.isoformat()}"]
        else:
            said = [f"{months} -> {same}, {end.isoformat()}"]
    elif clock.unit == "day":
        end = start + timedelta(days=count)
        said = [f"{start.isoformat()} + {count} calendar days", clock.note] if clock.note else []
        said = said or [f"{start.isoformat()} + {count} calendar days"]
    else:
        end = working_days_after(start, count, holidays)
        days = f"{count} business days after {start.isoformat()}, not counting Saturdays, Sundays"
        met = [(d, name) for d, name in sorted(holidays.items()) if start < d < end and d.weekday() < SATURDAY]
        if met:
            said = [f"{days} and " + ", ".join(f"{d.isoformat()} {name}" for d, name in met)]
        else:
            said = [f"{days} (no public holiday in the period)"]
    for pause in pauses:
        how = clock.pauses[pause.what]
        lost = (pause.ended - pause.began).days + (how == SUSPENDS_BOTH_ENDS)
        if how == STARTS or lost <= 0:
            continue
        end += timedelta(days=lost)
        days = f"{lost} day{'s do' if lost != 1 else ' does'} not count"
        said.append(f"{days} ({_waiting(pause)}) -> {end.isoformat()}")
    return end, said


def _move(day: date, holidays: Mapping[date, str]) -> tuple[date, list[str]]:
    """On to the next working day (1182/71 Art. 3(4))."""
    said = []
    while _is_free(day, holidays):
        why = f"a {day:%A}" if day.weekday() >= SATURDAY else f"a public holiday ({holidays[day]})"
        said.append(f"{day.isoformat()} is {why}, so move on one day")
        day += DAY
    if not said:
        said.append(f"{day.isoformat()} is a {day:%A} and a working day, so no move")
    return day, said


def _readings(
    clock: Clock,
    day: date,
    start: date,
    extended: bool,
    pauses: Sequence[Pause],
    holidays: Mapping[date, str],
) -> Iterable[date]:
    """Earlier dates that a careful reader could arrive at."""

    def moved(end: date) -> date:
        return _move(end, holidays)[0] if clock.moves else end

    more = clock.extension.count if extended and clock.extension else 0
    count = clock.count + more
    if "no-pause" in clock.cautious and pauses:
        yield moved(_count(clock, day, count, (), holidays)[0])
    if "step-by-step" in clock.cautious and more:
        first = _count(clock, start, clock.count, (), holidays)[0]
        steps = _count(clock, first, more, (), holidays)[0]
        yield moved(steps)
    if "day-early" in clock.cautious:
        yield _count(clock, start, count, pauses, holidays)[0] - DAY
    if "weekends-only" in clock.cautious:
        yield _count(clock, start, count, pauses, {})[0]


def _hours(clock: Clock, received: date | datetime, zone: ZoneInfo, inputs: Mapping[str, str]) -> Due:
    if not isinstance(received, datetime):
        raise BadInput("a term in hours needs the instant, not only the day", remedy="Give date and time")
    aware = received.astimezone(UTC)
    local = aware.astimezone(zone)
    # Zones stand at whole, half and quarter hours; the hour that is not counted is the local one.
    hour = (aware - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)) + HOUR
    end, exact = hour + clock.count * HOUR, aware + clock.count * HOUR
    at, safe_at = end.astimezone(zone), exact.astimezone(zone)
    reasoning = "; ".join(
        (
            f"aware at {local:%a %d %b %H:%M}",
            "the hour in which it happened is not counted, so counting starts at " + f"{hour.astimezone(zone):%H:%M}",
            f"{clock.count} elapsed hours, weekends and holidays included",
            "the weekend rule is only for periods not in hours",
            f"ends {at:%a %d %b %H:%M %Z}",
        )
    )
    return Due(clock.id, clock.article, at.date(), safe_at.date(), at.date(), reasoning, inputs, at=at, safe_at=safe_at)


def _not_before(clock: Clock, day: date, inputs: Mapping[str, str]) -> Due:
    """The first day on which something is allowed again: rounded later, never earlier."""
    first = after_months(day, clock.count)
    said = [f"{clock.note} for at least {clock.count} months after {day.isoformat()}"]
    if first.day != day.day:
        first += DAY
        said.append(f"{day:%m-%d} does not exist twelve months later" if clock.count == 12 else "no such date then")
        said.append("a not-before date rounds LATER, never earlier")
    said.append(f"first day on which asking is allowed: {first.isoformat()}")
    return Due(clock.id, clock.article, first, first, first, "; ".join(said), inputs)


def _inputs(
    clock: Clock,
    received: date | datetime,
    zone: ZoneInfo,
    holidays: Mapping[date, str],
    extended: bool,
    pauses: Sequence[Pause],
) -> dict[str, str]:
    local = received.astimezone(zone) if isinstance(received, datetime) else received
    return {
        "clock": clock.id,
        "received": local.isoformat(),
        "zone": zone.key,
        "holidays": "none known" if not holidays else f"{len(holidays)} known",
        "extended": "yes" if extended else "no",
        "pauses": "; ".join(_waiting(p) for p in pauses) or "none",
    }


_WAITED_FOR = {"identity": "identity proof", "clarification": "a clarification", "fee": "the fee"}


def _waiting(pause: Pause) -> str:
    began, ended = pause.began, pause.ended
    if (began.year, began.month) == (ended.year, ended.month):
        span = f"from {began.day} to {ended.day} {ended:%B}"
    elif began.year == ended.year:
        span = f"from {began.day} {began:%B} to {ended.day} {ended:%B}"
    else:
        span = f"from {began.isoformat()} to {ended.isoformat()}"
    return f"waiting for {_WAITED_FOR.get(pause.what, pause.what)} {span}"


def _is_free(day: date, holidays: Mapping[date, str]) -> bool:
    return day.weekday() >= SATURDAY or day in holidays
