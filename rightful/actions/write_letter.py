"""The letter that goes with a step: receipt, more time, refusal, answer, in the customer's language.

gather   the case, the organisation's name and zone, what a copy leaves out
decide   which sentences of the language belong to it
act      nothing: whoever takes the step seals the text with its entry

Easy to get wrong: naming data in a letter. It names the request, the dates and the reasons;
and how a date was counted is on record in English, for staff.

Sources: GDPR Art. 12(3)-(4); UX P7, C3.
"""

from __future__ import annotations

import gettext
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from rightful.actions.assemble_copy import KEPT_DAYS
from rightful.actions.correct_for_request import outcome_of
from rightful.actions.due_words import SENTENCES, steps
from rightful.actions.take_step import private_text
from rightful.compliance.laws import clock, every_law
from rightful.notices.words import LANGUAGES, words_of
from rightful.rights import letters
from rightful.rights.letters import Letter
from rightful.rights.rules import BY_EVENT, COPIES, Case, Kind
from rightful.workspace import Workspace

LOOKED_AT = frozenset({Kind.HUMAN_REVIEW, Kind.COMPLAINT})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CATALOGUES = Path(__file__).resolve().parents[1] / "web" / "locale"
"""The translations of the customer's pages: a letter says what they say."""


def letter_for(ws: Workspace, case: Case, name: str, *, note: str = "", language: str = "") -> Letter:
    """Write a letter about a case as it is now."""
    tongue = language or case.language
    words = letters.words_of(tongue)
    zone = ZoneInfo(ws.facts.policy.timezone)

    def day(at_us: int) -> str:
        return letters.say_date((EPOCH + timedelta(microseconds=at_us)).astimezone(zone).date(), tongue)

    filled = {
        "organisation": ws.facts.policy.name,
        "today": day(ws.clock()),
        "ref": case.ref,
        "kind": words["kinds"][case.kind.value],
        "received": day(case.received_us),
        "due": letters.say_date(date.fromisoformat(case.due_on), tongue),
        "reasoning": counted(case.reasoning, tongue),
        "reason": words["reasons"].get(case.reason, ""),
        "article": _article(case, name),
        "outcome": _outcome(ws, case, words, tongue) if name == "answer" else "",
        "note": note or (_finding(ws, case) if name == "answer" else ""),
    }
    return letters.write(name, tongue, filled)


def counted(reasoning: str, language: str) -> str:
    """How a date was counted, in whole sentences of a language; without the last full stop."""
    translated = _catalogue(language)
    country = words_of(language if language in LANGUAGES else "en").countries

    def written(name: str, word: object) -> str:
        if isinstance(word, date):
            return letters.say_date(word, language)
        if name == "place":
            land, _dash, part = str(word).partition("-")
            return f"{country.get(land, land)} ({word})" if part else country.get(land, land)
        return str(word)

    told = [
        translated.gettext(SENTENCES[code]) % {name: written(name, word) for name, word in words.items()}
        if code
        else f"{words['text']}."
        for code, words in steps(reasoning)
    ]
    return " ".join(told).removesuffix(".")


@lru_cache(maxsize=16)
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("django", CATALOGUES, [language], fallback=True)


def _article(case: Case, name: str) -> str:
    if name == "extension":
        granted = clock(case.clock).extension
        return granted.article if granted else ""
    law = every_law().get(case.law)
    return (law.refusals.get(case.reason, "") if law else "") or clock(case.clock).article


def _outcome(ws: Workspace, case: Case, words: Mapping[str, Any], tongue: str) -> str:
    outcomes: Mapping[str, str] = words["outcomes"]
    if case.kind in COPIES:
        kept = ws.cases.copy_of(case.id)
        partly = kept is not None and bool(json.loads(kept.withheld))
        return Template(outcomes["partly" if partly else "copy"]).safe_substitute(days=KEPT_DAYS)
    if case.kind is Kind.ERASURE:
        partly = any(t.detail == "partly" for t in ws.cases.tasks(case.id))
        return outcomes["erased-partly" if partly else "done"]
    if case.kind is Kind.RECTIFICATION:
        return _corrected(ws, case, words, tongue)
    if case.kind in LOOKED_AT:
        detail = next((t.detail for t in ws.cases.tasks(case.id) if t.what == "look"), "")
        again = any(c.parent == case.ref and c.is_open for c in ws.cases.of(case.subject))
        return outcomes.get(detail, outcomes["looked"]) + (" " + outcomes["taken-up"] if again else "")
    return outcomes["recorded" if case.kind in BY_EVENT else "done"]


def _finding(ws: Workspace, case: Case) -> str:
    """What the person who looked wrote for the customer."""
    entry = next((t.entry for t in ws.cases.tasks(case.id) if t.what == "look"), None)
    return private_text(ws, entry, "note") if entry is not None and case.kind in LOOKED_AT else ""


def _corrected(ws: Workspace, case: Case, words: Mapping[str, Any], tongue: str) -> str:
    """Which details were corrected, which were not and why, and that recipients are told. No values."""
    outcomes, whys = words["outcomes"], words["not-corrected"]
    came = outcome_of(ws, case, tongue)
    if not came.done:
        return str(outcomes["done"])  # it concerned other systems only
    comma = words["comma"]
    said = [Template(outcomes["corrected"]).safe_substitute(fields=comma.join(came.done))]
    if came.told:
        said.append(outcomes["recipients-told"])
    said += [Template(outcomes["not-corrected"]).safe_substitute(field=f, why=whys[why]) for f, why in came.left]
    return " ".join(said)
