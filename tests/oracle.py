"""The rules as text: a naive reading of DESIGN section 4, written on its own.

No caches, no arrays, nothing shared with the gate but the types. Slow on
purpose. Every faster path is held against this one.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = (1 << 63) - 1


def may_use(policy, notices, subject, now, purpose_id, channel, recipient_id):
    """Whether this customer's data may be used at all: True or False."""
    purpose = policy.purposes[purpose_id]
    line = [purpose_id]
    while policy.purposes[line[-1]].parent:
        line.append(policy.purposes[line[-1]].parent)
    events = subject.events
    home = subject.residence
    for move in sorted((e.at_us, e.value) for e in events if e.kind == "moved" and e.at_us <= now):
        home = move[1]
    laws = [r for r in policy.regimes.values() if home and (home in r.where or home.split("-")[0] in r.where)]
    if not laws and policy.unknown_jurisdiction == "strictest":
        laws = list(policy.regimes.values())
    if not laws or any(law.id not in purpose.basis for law in laws):
        return False
    kinds = {purpose.basis[law.id].kind.value for law in laws}
    if any(e.kind == "erased" for e in events) and "erasure" not in purpose.survives:
        return False
    if "" in on(events, "restricted", "restriction-lifted") and "restriction" not in purpose.survives:
        return False
    soft_grounds = {"legitimate-interest", "public-task", "soft-opt-in", "opt-out", "opt-out-of-sharing"}
    if "objection" not in purpose.survives:
        said_no = on(events, "objected", "objection-lifted")
        if purpose.direct_marketing and "direct-marketing" in said_no:
            return False
        if (purpose.direct_marketing or kinds & soft_grounds) and said_no & set(line):
            return False
    choice = last_word(policy, notices, events, line, channel)
    if choice[0] in ("withdrawn", "refused") and "withdrawal" not in purpose.survives:
        return False
    live = choice[0] == "granted" and now < choice[2]
    born = subject.birth
    for _, value in sorted((e.at_us, e.value) for e in events if e.kind == "born"):
        born = date.fromisoformat(value)
    careful = purpose.direct_marketing or bool(kinds & (soft_grounds - {"public-task"}))
    if born is not None and careful and now < birthday(born, 18, policy):
        return False
    if born is None and (purpose.for_children or policy.unknown_age == "deny"):
        if careful or ("consent" in kinds and not choice[4]):
            return False
    if "consent" in kinds:
        if not live:
            return False
        if born is not None and not choice[4] and choice[1] < birthday(born, digital_age(policy, laws, home), policy):
            return False
    if "soft-opt-in" in kinds and not live:
        if not any(
            e.kind == "soft-opt-in"
            and e.purpose in line
            and e.channel == channel
            and e.evidence
            and e.method not in ("sync", "pre-ticked")
            for e in events
        ):
            return False
    outside = not recipient_id or policy.recipients[recipient_id].kind not in ("processor", "service-provider")
    if "opt-out-of-sharing" in kinds and outside:
        if on(events, "opted-out", "opted-in-again"):
            return False
        if on(events, "signal-gpc", "opted-in-again"):
            signal = max(when(e) for e in events if e.kind == "signal-gpc")
            asked = [when(e) for e in events if e.kind == "signal-asked" and e.purpose == purpose_id]
            if not (live and asked and max(asked) >= signal):
                return False
    shown = {e.notice for e in events if e.kind in ("notice-served", "given") and e.notice in notices}
    if purpose.compatible_with:
        if not any(purpose_id in notices[label] for label in shown):
            return False
        for origin in purpose.compatible_with:
            for law in laws:
                basis = policy.purposes[origin].basis.get(law.id)
                if basis and basis.kind == "consent":
                    return False
    if recipient_id and not kinds <= {"legal-obligation", "vital-interest", "legal-claims"}:
        told = {choice[3]} if "consent" in kinds else shown
        if not any(
            purpose_id in notices[label] and recipient_id in notices[label][purpose_id].recipients for label in told
        ):
            return False
    return True


def may_use_field(policy, notices, subject, now, purpose_id, channel, recipient_id, field, category):
    """Whether one field of a customer may be used, given that the customer's data may."""
    if not may_use(policy, notices, subject, now, purpose_id, channel, recipient_id):
        return False
    purpose = policy.purposes[purpose_id]
    stopped = on(subject.events, "restricted", "restriction-lifted")
    if stopped & {field, category} and "restriction" not in purpose.survives:
        return False
    line = [purpose_id]
    while policy.purposes[line[-1]].parent:
        line.append(policy.purposes[line[-1]].parent)
    choice = last_word(policy, notices, subject.events, line, channel)
    home = subject.residence
    for move in sorted((e.at_us, e.value) for e in subject.events if e.kind == "moved" and e.at_us <= now):
        home = move[1]
    laws = [r for r in policy.regimes.values() if home and (home in r.where or home.split("-")[0] in r.where)]
    laws = laws or list(policy.regimes.values())
    if any(purpose.basis[law.id].kind == "consent" for law in laws):
        told = notices[choice[3]][purpose_id].categories
        if category not in told and f"{category}.{field.split('.')[1]}" not in told and field not in told:
            return False
    found = policy.categories[category]
    if purpose.special_ground == "explicit-consent" and (found.special or found.treat_as_special):
        return choice[0] == "granted" and now < choice[2]
    return True


def when(event):
    return event.at_us if event.kind in ("moved", "born") else min(event.at_us, event.received_us)


def on(events, start, end):
    """Scopes started and not ended since. A start at the same instant wins; an unproven end is none."""
    scopes = set()
    for scope in {e.purpose for e in events if e.kind == start}:
        starts = [when(e) for e in events if e.kind == start and e.purpose == scope]
        ends = [when(e) for e in events if e.kind == end and e.purpose == scope and e.evidence]
        if not ends or max(starts) >= max(ends):
            scopes.add(scope)
    return scopes


def last_word(policy, notices, events, line, channel):
    """(status, since, until, notice, by a guardian) of the newest proven grant or refusal."""
    heard = []
    for e in events:
        if e.purpose not in line:
            continue
        until = NEVER if e.until_us is None else e.until_us
        if e.kind in ("withdrawn", "refused") and e.channel in (channel, "*"):
            strength = 3 if e.kind == "withdrawn" else 2
            heard.append((when(e), strength, -until, True, e.notice, e.kind.value))
        elif e.kind == "given" and e.channel == channel and e.evidence and e.method not in ("sync", "pre-ticked"):
            if line[0] in notices.get(e.notice, {}):
                heard.append((when(e), 1, -until, e.method != "guardian", e.notice, "granted"))
    if not heard:
        return ("none", 0, NEVER, "", False)
    since, _, minus_until, alone, notice, status = max(heard)
    until = -minus_until
    purpose = policy.purposes[line[0]]
    if status == "granted" and purpose.consent_expires:
        end = later(since, purpose.consent_expires)
        if purpose.consent_expires_after_activity:
            for click in sorted(
                when(e)
                for e in events
                if e.kind == "active" and e.purpose in ["", *line] and e.channel in (channel, "", "*")
            ):
                if since < click < end:
                    end = max(end, later(click, purpose.consent_expires))
        until = min(until, end)
    return (status, since, until, notice, not alone)


def later(start, period):
    moment = EPOCH + timedelta(microseconds=start)
    if period.unit.startswith("day"):
        return start + period.count * 86_400_000_000
    if period.unit.startswith("week"):
        return start + period.count * 7 * 86_400_000_000
    months = period.count * (12 if period.unit.startswith("year") else 1)
    for _ in range(months):  # month by month, on the first; then back to the day
        moment_first = moment.replace(day=1) + timedelta(days=32)
        moment = moment_first.replace(day=1)
    origin = EPOCH + timedelta(microseconds=start)
    day = min(origin.day, calendar.monthrange(moment.year, moment.month)[1])
    return (moment.replace(day=day) - EPOCH) // timedelta(microseconds=1)


def birthday(born, years, policy):
    try:
        day = born.replace(year=born.year + years)
    except ValueError:
        day = date(born.year + years, 3, 1)
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(policy.timezone))
    return (local - EPOCH) // timedelta(microseconds=1)


def digital_age(policy, laws, home):
    ages = [law.digital_consent_age.get(home, law.digital_consent_age.get(home.split("-")[0], 16)) for law in laws]
    if not home:
        ages += [age for law in policy.regimes.values() for age in law.digital_consent_age.values()]
    return max(ages)
