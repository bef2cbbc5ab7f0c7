"""How a decision reads: what was permitted, what was withheld and why, and what would change it.

Plain text, no colours; doors may decorate it. At most one screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from rightful.gate.conditions import REASONS
from rightful.gate.request import Decision, Reason
from rightful.terms import Outcome

SHORT = {
    "consent_missing": "no consent",
    "consent_refused": "said no",
    "consent_withdrawn": "withdrew consent",
    "consent_expired": "consent expired",
    "consent_deferred": "closed the question without a choice",
    "consent_invalid": "box was ticked beforehand",
    "consent_unprovable": "consent without proof",
    "consent_not_on_notice": "consented on a notice that did not name this",
    "wrong_channel": "consented to another channel",
    "guardian_missing": "too young to consent alone",
    "soft_opt_in_missing": "no sale on record",
    "opted_out": "opted out of sale and sharing",
    "objected": "objected",
    "restricted": "use restricted",
    "erased": "erased",
    "minor": "under 18",
    "age_unknown": "age unknown",
    "jurisdiction_unknown": "residence unknown",
    "no_basis": "no lawful basis where they live",
    "not_informed": "not told about this purpose yet",
    "incompatible": "collected on consent for something else",
    "recipient_not_on_notice": "never told about the recipient",
    "customer_unknown": "not in the register",
    # against a request, whoever the customer is
    "purpose_missing": "no purpose stated",
    "purpose_unknown": "a purpose nobody declared",
    "role_not_for_purpose": "another role's purpose",
    "recipient_not_for_purpose": "a recipient the purpose does not have",
    "agreement_not_in_force": "agreement not in force",
    "field_not_needed": "a field the purpose does not need",
    "field_not_for_role": "a field the role may not see",
    "unclassified_field": "a field nobody classified",
    "never_rule": "a field that is never used for this",
    "sql.hidden-column": "SQL: a field that is not permitted",
    "sql.aggregates-only": "SQL: single rows where only counts are permitted",
    "sql.small-groups": "SQL: groups that may be too small",
}


MOST_LINES = 22
"""One screen of 24 lines, with the prompt below."""
MOST_FIELDS = 6
WIDTH = 96


def explain(decision: Decision) -> str:
    """The decision in words, one thought a line, in columns that line up.

    First the answer. Then the numbers or the reasons, largest or strongest first. Then what happens to
    the fields, what the use rests on, what it asks of its user, and where it is on record.
    """
    before = [_headline(decision)]
    if decision.permitted >= 0:
        before += _counted(decision)
    before += _folded(_against_the_use(decision), 7)
    after = _folded([*_fields(decision), *_footing(decision), _record_line(decision)], 15)
    if before[1:]:
        before.insert(1, "")
    if after:
        after.insert(0, "")
    room = MOST_LINES - len(after)
    if len(before) > room:
        left = len(before) - room + 1
        before = [*before[: room - 1], f"  and {left} more reasons"]
    return "\n".join([*before, *after])


def _counted(decision: Decision) -> list[str]:
    """Who may be used and who not, as a table: customers, why, article."""
    counts = sorted(decision.withheld.items(), key=lambda item: (-item[1], item[0]))
    rows = [(f"{count:,}", SHORT.get(code, code), _article(code)) for code, count in counts]
    width = max((len(words) for _, words, _ in rows), default=0)
    size = max(9, *(len(count) for count, _, _ in rows)) if rows else 9
    return [f"  {count:>{size}}  {words:<{width}}  {article}".rstrip() for count, words, article in rows]


def _against_the_use(decision: Decision) -> list[str]:
    lines = []
    for r in decision.reasons:
        lines += [f"  No   {r.sentence} ({r.article})", f"       What would change it: {_lower(r.change)}"]
    return lines


def _fields(decision: Decision) -> list[str]:
    """Fields that come back changed, and fields that stay out: together where the reason is the same."""
    lines = []
    whole = {r.code for r in decision.reasons}
    out: dict[str, list[tuple[str, Reason]]] = {}
    for f in decision.fields:
        for r in f.reasons:
            if not f.allowed and (r.code not in whole or r.field):
                out.setdefault(r.code, []).append((f.field, r))
    for found in out.values():
        names = [name for name, _ in found]
        r = found[0][1]
        if len(found) == 1:
            lines.append(f"  stays out    {r.sentence} ({r.article})")
        else:
            sentence = _lower(r.sentence.replace(names[0], "these fields"))
            lines.append(f"  stay out     {_listed(names)}: {sentence} ({r.article})")
    changed: dict[str, list[str]] = {}
    for f in decision.fields:
        if f.allowed and f.transform:
            changed.setdefault(f.transform, []).append(f.field)
    lines += [f"  comes back   {_listed(names)} as {form}" for form, names in changed.items()]
    return lines


def _footing(decision: Decision) -> list[str]:
    lines = []
    if decision.outcome is not Outcome.DENY and decision.basis:
        lines.append(f"  rests on     {_per_regime(decision.basis)}")
    if decision.evidence:
        lines.append(f"  agreed on    notice {decision.evidence}")
    if decision.outcome is not Outcome.DENY:
        lines += [f"  asks you to  {_duty(duty)}" for duty in decision.obligations]
    return lines


def _record_line(decision: Decision) -> str:
    entry = f", ledger entry {decision.entry:,}" if decision.entry is not None else ", not recorded"
    policy = f"policy {decision.policy_version[:12]}, consent record at {decision.state_version:,}"
    return f"  on record    {policy}{entry}"


def _folded(lines: list[str], indent: int) -> list[str]:
    """Long lines go on below, under their own words."""
    hang = " " * indent
    folded = (
        wrap(line, WIDTH, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False) for line in lines
    )
    return [part for parts in folded for part in parts]


def _listed(names: list[str]) -> str:
    if len(names) <= MOST_FIELDS:
        return ", ".join(names)
    return ", ".join(names[:MOST_FIELDS]) + f" and {len(names) - MOST_FIELDS} more"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def sentence_for(decision: Decision) -> str:
    """One sentence for an error: who, what, why."""
    ask = decision.request
    reasons = list(_all_reasons(decision))
    said = list(dict.fromkeys(f"{_lower(r.sentence)} ({r.article})" for r in reasons))
    why = "; ".join(said[:3]) or "nothing of it is permitted"
    more = f" (and {len(said) - 3} more reasons)" if len(said) > 3 else ""
    return f"{ask.role} may not use this data for {ask.purpose}{_way(decision)}: {why}{more}"


def _all_reasons(decision: Decision) -> Iterable[Reason]:
    yield from decision.reasons
    for f in decision.fields:
        yield from (r for r in f.reasons if r not in decision.reasons)


def _headline(decision: Decision) -> str:
    if decision.permitted >= 0:
        share = f"{decision.permitted:,} of {decision.known:,} customers"
        left = decision.known - decision.permitted
        return f"{share} may be used for {decision.request.purpose}{_way(decision)}" + (
            f"; {left:,} withheld:" if left else ""
        )
    words = {
        Outcome.ALLOW: "Yes: every field asked for may be used",
        Outcome.PARTIAL: f"In part: {len(decision.allowed_fields)} of {len(decision.fields)} fields may be used",
        Outcome.DENY: "No: nothing may be used",
    }
    return words[decision.outcome] + f" for {decision.request.purpose}{_way(decision)}"


def _way(decision: Decision) -> str:
    ask = decision.request
    way = f" by {ask.channel}" if ask.channel else ""
    return way + (f" to {ask.recipient}" if ask.recipient else "")


def _article(code: str) -> str:
    text = REASONS.get(code)
    return text.article if text else ""


def _per_regime(basis: object) -> str:
    assert isinstance(basis, dict)
    kinds = set(basis.values())
    if len(kinds) == 1:
        return str(kinds.pop())
    return ", ".join(f"{regime}: {kind}" for regime, kind in basis.items())


def _duty(obligation: str) -> str:
    word, _, number = obligation.partition(" ")
    return {
        "aggregate_at_least": f"show groups of at least {number} people only",
        "recheck_before_use": "check again right before sending",
        "notify_recipient": "pass on withdrawal, correction and erasure to the recipient",
        "offer_refusal_in_every_message": "offer the way out in every message",
        "inform_child_of_right_to_withdraw": "tell the now grown-up customer that they can withdraw",
    }.get(word, obligation)
