"""A notice is shown: one version in one language and form, what changed between two, how hard it reads.

gather   the version by its label or digest; the texts that were published
decide   which language answers the one asked for
act      nothing: a published text is public, and looking at it says nothing about anybody

Easy to get wrong: showing an older text as the newest; a translation that was not published.

Sources: GDPR Art. 12(1), 13, 14; RFC 9110 section 12 (language negotiation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from rightful.errors import NotFound
from rightful.notices import rules
from rightful.notices.dpv import json_ld
from rightful.notices.html import body, page
from rightful.notices.markdown import markdown
from rightful.notices.models import Version
from rightful.notices.pdf import pdf
from rightful.notices.rules import Change, Notice, Readability
from rightful.notices.words import LANGUAGES, OWN_NAMES
from rightful.workspace import Workspace

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMS: Mapping[str, str] = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "jsonld": "application/ld+json",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One version in one language. `newest` is whether customers are shown it now."""

    version: Version
    notice: Notice
    newest: bool
    published_at: datetime

    @property
    def body(self) -> str:
        """The text as HTML, without a frame."""
        return body(self.notice)

    @property
    def languages(self) -> tuple[tuple[str, str], ...]:
        """Each language with its own name for itself."""
        return tuple((language, OWN_NAMES[language]) for language in self.version.languages)

    @property
    def address(self) -> str:
        """How the version is named in an address."""
        return _address(self.version)

    @property
    def etag(self) -> str:
        """Changes when what is shown does."""
        return f"{self.version.digest[:32]}-{self.notice.language}-{int(self.newest)}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed from one version to another, in one language."""

    old: Shown
    new: Shown
    changes: tuple[Change, ...]

    def of_kind(self, kind: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind)

    def grouped(self, kind: str) -> tuple[tuple[tuple[str, ...], tuple[Change, ...]], ...]:
        """The changes of a kind under the headings they stand under, in their order."""
        found = groupby(self.of_kind(kind), key=lambda change: change.where)
        return tuple((where, tuple(group)) for where, group in found)


@dataclass(frozen=True, slots=True)
class Coverage:
    """One language of a version: how hard each layer reads, and what is not translated yet."""

    language: str
    name: str
    short: Readability
    whole: Readability
    untranslated: tuple[str, ...]


def show_notice(ws: Workspace, name: str = "", language: str = "") -> Shown:
    """A version by label or digest; the newest where none is named.

    Raises:
        NotFound: there is none, or it has no public text.
    """
    versions = ws.notices.versions()
    newest = versions[-1] if versions else None
    version = ws.notices.find(name) if name else newest
    if version is None:
        raise NotFound(
            f"there is no public notice {name or 'yet'}",
            remedy="`rightful notice list` shows them, `rightful notice publish` makes one",
        )
    return _shown(ws, version, language, newest)


def versions(ws: Workspace, language: str = "") -> tuple[Shown, ...]:
    """Every version with a public text, newest first."""
    found = ws.notices.versions()
    return tuple(_shown(ws, version, language, found[-1]) for version in reversed(found))


def address_of(ws: Workspace, label: str) -> str:
    """How a version is named in an address; "" where it has no public text."""
    version = ws.notices.find(label) if label else None
    return _address(version) if version else ""


def version_before(ws: Workspace, label: str) -> str:
    """The label of the version that was shown before this one; "" for the first."""
    labels = [version.label for version in ws.notices.versions()]
    at = labels.index(label) if label in labels else 0
    return labels[at - 1] if at else ""


def compare_notices(ws: Workspace, old: str, new: str = "", language: str = "") -> Compared:
    """What a customer who knows the old version finds new, gone and changed in the new one.

    Raises:
        NotFound: one of them has no public text.
    """
    after = show_notice(ws, new, language)
    before = show_notice(ws, old, after.notice.language)
    if before.notice.language != after.notice.language:  # compared in a language that both have
        after = show_notice(ws, after.version.label, before.notice.language)
    return Compared(before, after, rules.compare(before.notice, after.notice))


def render(ws: Workspace, form: str, name: str = "", language: str = "") -> tuple[bytes, str, Shown]:
    """A version as a file: its bytes, its media type, and what was shown.

    Raises:
        NotFound: there is no such version or form.
        NoPdf: this machine cannot make a PDF.
    """
    if form not in FORMS:
        raise NotFound(f"there is no form {form} of a notice", remedy="Use one of " + ", ".join(FORMS))
    shown = show_notice(ws, name, language)
    issue = issue_line(ws, shown)
    made: Mapping[str, Callable[[], bytes]] = {
        "md": lambda: markdown(shown.notice, issue=issue).encode(),
        "html": lambda: page(shown.notice, issue=issue).encode(),
        "pdf": lambda: _drawn(shown.notice, issue),
        "jsonld": lambda: machine_readable(ws, shown),
    }
    return made[form](), FORMS[form], shown


@lru_cache(maxsize=64)
def _drawn(notice: Notice, issue: str) -> bytes:
    """A PDF takes seconds to draw and anybody may ask for one: the same is drawn once."""
    return pdf(notice, issue=issue)


def machine_readable(ws: Workspace, shown: Shown) -> bytes:
    """The version in the words of the Data Privacy Vocabulary."""
    facts = ws.notices.facts(shown.version.label)
    issued = shown.published_at.isoformat(timespec="seconds")
    document = json_ld(facts, shown.version.digest, label=shown.version.label, issued=issued)
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def issue_line(ws: Workspace, shown: Shown) -> str:
    """Version, day and digest in one line that needs no translation."""
    day = shown.published_at.astimezone(ZoneInfo(ws.facts.policy.timezone)).date().isoformat()
    return f"{shown.version.label} · {day} · {shown.version.digest[:16]}"


def coverage_of(ws: Workspace, label: str) -> tuple[Coverage, ...]:
    """Every language of a version, with its readability and its gaps."""
    version = ws.notices.find(label)
    return tuple(measure(ws.notices.text(label, language)) for language in (version.languages if version else ()))


def measure(notice: Notice) -> Coverage:
    """How hard a text reads, layer by layer, and what of it is not translated."""
    return Coverage(
        notice.language,
        OWN_NAMES[notice.language],
        rules.readability(rules.running_text(notice, rules.SHORT)),
        rules.readability(rules.running_text(notice)),
        notice.untranslated,
    )


def _address(version: Version) -> str:
    """Its label where that may stand in an address as it is; else the beginning of its digest."""
    return version.label if _SAFE.fullmatch(version.label) and version.label != "versions" else version.digest[:16]


def _shown(ws: Workspace, version: Version, language: str, newest: Version | None) -> Shown:
    notice = ws.notices.text(version.label, language)
    at = EPOCH + timedelta(microseconds=version.published_us)
    return Shown(version, notice, newest is not None and version.label == newest.label, at)


__all__ = (
    "FORMS",
    "LANGUAGES",
    "Compared",
    "Coverage",
    "Shown",
    "address_of",
    "compare_notices",
    "coverage_of",
    "issue_line",
    "measure",
    "render",
    "show_notice",
    "version_before",
    "versions",
)
