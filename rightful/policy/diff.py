"""Which answers one policy version gives that another did not: exactly, widenings first.

Both versions are tabulated over the same questions and held against each other,
answer by answer. Places are grouped by the regimes that govern them before and
after, so a country that moves to another law shows as what it means there.

Easy to get wrong: a change that cannot be ranked counts as a widening; a name that
is only renamed is a new one, because consents and objections keep the old name; the
same difference under every regime is one line for a reader, but every row is kept.

Sources: DESIGN section 3; GDPR Art. 5(2), 13(3), 25.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rightful.policy import answers as a
from rightful.policy.answers import Answer, Demand, step
from rightful.policy.bind import Catalogue, bind, catalogue_of
from rightful.policy.document import as_document
from rightful.policy.model import Period, Policy, Purpose, Recipient
from rightful.policy.periods import at_most, words
from rightful.policy.table import Cell, Table, regimes_at
from rightful.policy.vocabulary import SUB_PROCESSORS
from rightful.terms import UNKNOWN_RESIDENCE

Kind = Literal["widening", "narrowing", "changed"]
ORDER: Mapping[str, int] = {"widening": 0, "narrowing": 1, "changed": 2}

REFUSED = Answer(frozenset({"purpose_unknown"}))


@dataclass(frozen=True, slots=True)
class Change:
    """One answer that differs, or one term beside the answers (`what` names it: keep, country, says ...).

    `regime` is a regime's name, the places a law was added to or taken from, or "" for an unknown
    residence. Empty role, recipient, channel or field: the change concerns all of them, or the data
    stays in the house.
    """

    kind: Kind
    role: str
    purpose: str
    regime: str
    recipient: str
    field: str
    before: str
    after: str
    channel: str = ""
    what: str = "answer"
    was: Answer | None = None
    now: Answer | None = None

    @property
    def sentence(self) -> str:
        return lines([self])[0]


def diff(old: Policy, new: Policy, catalogue: Catalogue | None = None) -> list[Change]:
    """Every difference between two versions, widenings first.

    Args:
        catalogue: table -> columns of the source; without it the columns both policies name are used,
            and "order.*" stands for every column nobody names.
    """
    columns = catalogue_of(old, new) if catalogue is None else catalogue
    before, after = Table(bind(old, columns)), Table(bind(new, columns))
    found = [*_answers(before, after), *_terms(old, new)]
    if not found and old.version != new.version and _differ(old, new):
        found.append(Change("changed", "", "", "", "", "", "", "", what="words"))
    return sorted(found, key=_rank)


def lines(changes: Iterable[Change], *, most_fields: int = 5) -> tuple[str, ...]:
    """The changes as sentences: equal ones over fields, regimes and roles are drawn together.

    Args:
        most_fields: a longer list of fields is cut to this many, with the number of the rest.
    """
    said: list[tuple[int, str]] = []
    found: dict[_Use, dict[str, dict[str, None]]] = {}
    for change in changes:
        if change.was is None or change.now is None:
            said.append((ORDER[change.kind], _term_sentence(change)))
            continue
        use = _Use(change.kind, change.role, change.purpose, change.channel, change.recipient, *_told(change))
        found.setdefault(use, {}).setdefault(change.regime, {})[change.field] = None
    by_tail: dict[tuple[str, str, str], list[str]] = {}
    for use, fields, grounds in _drawn_together(found):
        tail = _use_sentence(use, _listed(fields, most_fields, "fields"), grounds)
        by_tail.setdefault((use.kind, use.verb, tail), []).append(use.role)
    said += [(ORDER[kind], f"{_listed(roles)} {verb} {tail}") for (kind, verb, tail), roles in by_tail.items()]
    return tuple(text for _, text in sorted(dict.fromkeys(said), key=lambda pair: pair[0]))


# --- answers ---------------------------------------------------------------------------------------


def _answers(before: Table, after: Table) -> Iterator[Change]:
    old, new = before.policy, after.policy
    cells = _common_cells(old, new)
    for purpose in dict.fromkeys((*old.purposes, *new.purposes)):
        known = [p for p in (old.purposes.get(purpose), new.purposes.get(purpose)) if p is not None]
        if all(p.abstract for p in known):
            continue
        fields = tuple(dict.fromkeys((*before.bound.fields_of(purpose), *after.bound.fields_of(purpose))))
        channels = tuple(dict.fromkeys(c for p in known if not p.abstract for c in p.channels or ("",)))
        recipients = tuple(dict.fromkeys(r for p in known for r in ("", *p.recipients)))
        for role in dict.fromkeys((*old.roles, *new.roles)):
            if not any(_pursues(policy, role, purpose) for policy in (old, new)):
                continue
            for recipient in recipients:
                for channel in channels:
                    for label, was, now in cells:
                        for field in fields:
                            first = _asked(before, was, role, purpose, field, recipient, channel)
                            second = _asked(after, now, role, purpose, field, recipient, channel)
                            way = step(first, second)
                            if way != "same":
                                words_before, words_after = _apart(first, second)
                                yield Change(
                                    way,
                                    role,
                                    purpose,
                                    label,
                                    recipient,
                                    field,
                                    words_before,
                                    words_after,
                                    channel,
                                    was=first,
                                    now=second,
                                )


def _asked(table: Table, cell: Cell, role: str, purpose: str, field: str, recipient: str, channel: str) -> Answer:
    """The answer to a question in exactly this channel: no channel is filled in for the asker."""
    found = table.policy.purposes.get(purpose)
    if found is None:
        return REFUSED
    if channel not in (found.channels or ("",)):
        return Answer(frozenset({"channel_unknown"}))
    return table.answer_in(cell, role, purpose, field, recipient=recipient, channel=channel)


def _pursues(policy: Policy, role: str, purpose: str) -> bool:
    if role not in policy.roles or purpose not in policy.purposes:
        return False
    lineage = (purpose, *policy.ancestors(purpose))
    return any(p in policy.roles[role].purposes for p in lineage)


def _common_cells(old: Policy, new: Policy) -> list[tuple[str, Cell, Cell]]:
    """Places grouped by the regimes that govern them before and after."""
    places = dict.fromkeys(
        place for policy in (old, new) for regime in policy.regimes.values() for place in regime.where
    )
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for place in (*places, UNKNOWN_RESIDENCE):
        key = (regimes_at(old, place), regimes_at(new, place))
        if place == UNKNOWN_RESIDENCE:
            groups.setdefault((("",), ("",)), []).append(place)
        else:
            groups.setdefault(key, []).append(place)
    found = []
    for (was, now), together in groups.items():
        if together == [UNKNOWN_RESIDENCE]:
            was, now, label = regimes_at(old, ""), regimes_at(new, ""), ""
        elif was == now:
            label = "+".join(was)
        else:
            label = ", ".join(sorted(together))
        found.append((label, Cell(label, was, tuple(together)), Cell(label, now, tuple(together))))
    return found


def _apart(before: Answer, after: Answer) -> tuple[str, str]:
    """Two answers in words that tell them apart."""
    if before.words != after.words:
        return before.words, after.words
    return before.exact_words, after.exact_words


# --- terms beside the answers -----------------------------------------------------------------------


def _terms(old: Policy, new: Policy) -> Iterator[Change]:
    for name in old.purposes.keys() & new.purposes.keys():
        yield from _purpose_terms(old.purposes[name], new.purposes[name])
    for name in old.recipients.keys() & new.recipients.keys():
        yield from _recipient_terms(old.recipients[name], new.recipients[name])
    for name in old.regimes.keys() & new.regimes.keys():
        was, now = sorted(old.regimes[name].laws), sorted(new.regimes[name].laws)
        if was != now:
            yield Change("changed", "", "", name, "", "", ", ".join(was), ", ".join(now), what="laws")
    settings = (
        ("name", old.name, new.name),
        ("version", old.label, new.label),
        ("owner", old.owner, new.owner),
        ("residence unknown", old.unknown_jurisdiction, new.unknown_jurisdiction),
        ("age unknown", old.unknown_age, new.unknown_age),
    )
    for what, before, after in settings:
        if before != after:
            yield Change("changed", "", "", "", "", "", before, after, what=what)
    if old.timezone != new.timezone:  # days, and with them birthdays and agreements, begin at another instant
        yield Change("widening", "", "", "", "", "", old.timezone, new.timezone, what="timezone")


def _purpose_terms(old: Purpose, new: Purpose) -> Iterator[Change]:
    if old.keep != new.keep:
        kind = "narrowing" if at_most(new.keep, old.keep) else "widening"
        yield _term(_kind(kind), new.id, "", "keep", _length(old.keep), _length(new.keep))
    if old.ask_again != new.ask_again:
        kind = (
            "narrowing" if new.ask_again and at_most(old.ask_again or Period(0, "days"), new.ask_again) else "widening"
        )
        yield _term(_kind(kind), new.id, "", "ask-again", _length(old.ask_again), _length(new.ask_again))
    if old.says != new.says:
        yield _term("changed", new.id, "", "says", old.says, new.says)
    cited_before = {r: b.citation for r, b in old.basis.items() if b.citation}
    cited_after = {r: b.citation for r, b in new.basis.items() if b.citation}
    if cited_before != cited_after:
        yield _term("changed", new.id, "", "what the basis rests on", _cited(cited_before), _cited(cited_after))


def _recipient_terms(old: Recipient, new: Recipient) -> Iterator[Change]:
    if old.country != new.country:
        yield _term("widening", "", new.id, "country", old.country, new.country)
    if old.safeguard != new.safeguard:
        kind: Kind = "widening" if old.safeguard else "narrowing"
        yield _term(kind, "", new.id, "safeguard", old.safeguard, new.safeguard)
    if old.sub_processors != new.sub_processors:
        ranks = {word: rank for rank, word in enumerate(SUB_PROCESSORS)}
        narrower = ranks.get(new.sub_processors, len(ranks)) < ranks.get(old.sub_processors, 0)
        kind = "narrowing" if narrower else "widening"
        yield _term(kind, "", new.id, "sub-processors", old.sub_processors, new.sub_processors)
    if old.agreement != new.agreement:
        yield _term("changed", "", new.id, "agreement", old.agreement, new.agreement)
    if old.kind != new.kind:
        yield _term("changed", "", new.id, "kind", old.kind.value, new.kind.value)


def _term(kind: Kind, purpose: str, recipient: str, what: str, before: str, after: str) -> Change:
    return Change(kind, "", purpose, "", recipient, "", before, after, what=what)


def _differ(old: Policy, new: Policy) -> bool:
    first, second = as_document(old), as_document(new)
    return any(first[key] != second[key] for key in first.keys() - {"tests", "version"})


# --- words -----------------------------------------------------------------------------------------


class _Use(NamedTuple):
    """What several changes have in common, in words; `ground` is told per regime."""

    kind: Kind
    role: str
    purpose: str
    channel: str
    recipient: str
    verb: str
    ground: str
    rest: str


def _told(change: Change) -> tuple[str, str, str]:
    """Verb, what differs from regime to regime, and what is the same everywhere."""
    was, now = change.was or REFUSED, change.now or REFUSED
    if was.is_denied:
        return "may now read", _ground(now), now.form.words
    if now.is_denied:
        return "may no longer read", "", ", ".join(sorted(code.replace("_", " ") for code in now.denied))
    gone, come = _said_of(was.needs - now.needs), _said_of(now.needs - was.needs)
    if was.form != now.form:
        gone.append(was.form.words or "shown as it is")
        come.append(now.form.words or "shown as it is")
    verb = "may read more freely" if change.kind == "widening" else "may read less freely"
    return verb, f"was {', '.join(gone) or 'without more'}, is now {', '.join(come) or 'without more'}", ""


def _ground(answer: Answer) -> str:
    kinds = {d.kind for d in answer.needs}
    said = [
        words
        for kind, words in (
            (a.CONSENT, "with consent"),
            (a.SOFT_OPT_IN, "with a soft opt-in"),
            (a.EXPLICIT_CONSENT, "with explicit consent"),
            (a.NO_OPT_OUT, "until they opt out"),
        )
        if kind in kinds
    ]
    if not said and a.NO_OBJECTION in kinds:
        said = ["unless they object"]
    return " and ".join(said)


def _said_of(demands: Iterable[Demand]) -> list[str]:
    return sorted(demand.words for demand in demands)


def _drawn_together(
    found: Mapping[_Use, Mapping[str, Mapping[str, None]]],
) -> Iterator[tuple[_Use, tuple[str, ...], list[tuple[str, list[str]]]]]:
    """Uses that differ in the ground only become one, with the ground named per group of regimes."""
    same: dict[tuple[_Use, tuple[str, ...]], dict[str, list[str]]] = {}
    for use, by_regime in found.items():
        for regime, fields in by_regime.items():
            grounds = same.setdefault((use._replace(ground=""), tuple(fields)), {})
            grounds.setdefault(use.ground, []).append(regime or "an unknown residence")
    for (use, listed), by_ground in same.items():
        yield use, listed, list(by_ground.items())


def _use_sentence(use: _Use, fields: str, grounds: Sequence[tuple[str, Sequence[str]]]) -> str:
    over = f" by {use.channel}" if use.channel else ""
    to = f", to be sent to {use.recipient}" if use.recipient else ""
    where = "; ".join(f"under {_listed(regimes)}{' ' + ground if ground else ''}" for ground, regimes in grounds)
    rest = f" ({use.rest})" if use.rest else ""
    return f"{fields} for {use.purpose}{over}{to}{rest}, {where}"


def _term_sentence(change: Change) -> str:
    if change.what == "words":
        return "the policy says something else, but gives every role the same answers"
    whose = f"{change.purpose or change.recipient or change.regime}: "
    whose = whose if whose != ": " else ""
    return f"{whose}{change.what} was {change.before or 'not set'}, is now {change.after or 'not set'}"


def _listed(names: Sequence[str], most: int = 0, what: str = "") -> str:
    if len(names) < 2:
        return "".join(names)
    if most and len(names) > most:
        return ", ".join(names[:most]) + f" and {len(names) - most} more {what}"
    return ", ".join(names[:-1]) + " and " + names[-1]


def _length(length: Period | None) -> str:
    return "" if length is None else words(length)


def _cited(cited: Mapping[str, str]) -> str:
    if len(set(cited.values())) == 1:
        return next(iter(cited.values()))
    return ", ".join(f"{regime}: {text}" for regime, text in sorted(cited.items()))


def _kind(word: str) -> Kind:
    return "widening" if word == "widening" else "narrowing" if word == "narrowing" else "changed"


def _rank(change: Change) -> tuple[int, bool, str, str, str, str, str]:
    beside = change.what != "answer"
    return ORDER[change.kind], beside, change.purpose, change.role, change.recipient, change.channel, change.what
