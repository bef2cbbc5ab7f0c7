"""Where the public notices stand: versions, who was shown which in numbers, what publishing would change.

gather   versions, counts from the consent record, the notice the policy in force would make
decide   nothing: gaps, differences and readability are worked out by the notices room
act      nothing

Easy to get wrong: a preview that differs from what is published. Both come from `prepare`.

Sources: UX console C5; GDPR Art. 5(2), 12(1), 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.publish_notice import Prepared, prepare
from rightful.actions.show_notice import Compared, Coverage, Shown, coverage_of, measure, show_notice
from rightful.gate.notice_counts import people_per_notice
from rightful.notices.html import body
from rightful.notices.models import Version
from rightful.notices.rules import Notice, compare
from rightful.policy.told import Missing
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One notice. `shown` is None where it has terms and no public text."""

    label: str
    published_at: datetime
    newest: bool
    purposes: int
    shown_to: int
    agreed: int
    shown: Shown | None
    before: Shown | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing now would do. `lacks` keeps it from being done; `is_new` is whether anything would change."""

    label: str
    is_new: bool
    lacks: tuple[Missing, ...]
    languages: tuple[str, ...]
    changes: Compared | None
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    rows: tuple[Row, ...]
    coverage: tuple[Coverage, ...]
    preview: Preview


def notice_overview(ws: Workspace) -> Overview:
    """Everything the officer's page of notices says."""
    newest = ws.notices.newest()
    return Overview(
        tuple(_rows(ws)),
        coverage_of(ws, newest.label) if newest else (),
        preview(ws),
    )


def preview(ws: Workspace) -> Preview:
    """The notice of the policy in force, beside the newest one."""
    prepared = prepare(ws, ws.facts.policy)
    return Preview(
        prepared.label,
        prepared.is_new,
        prepared.lacks,
        tuple(prepared.texts),
        _changes(ws, prepared),
        tuple(measure(notice) for notice in prepared.texts.values()),
    )


def preview_text(ws: Workspace, language: str = "") -> tuple[Notice, str] | None:
    """The text that would be published, and its HTML; None while it has gaps."""
    texts = prepare(ws, ws.facts.policy).texts
    if not texts:
        return None
    notice = texts.get(language) or next(iter(texts.values()))
    return notice, body(notice)


def _rows(ws: Workspace) -> list[Row]:
    counts = people_per_notice(ws.facts.people(ws.clock())) if ws.source.catalogue() else {}
    texts = {version.label: show_notice(ws, version.label) for version in ws.notices.versions()}
    newest, terms = ws.shelf.newest_notice(), ws.shelf.notices()
    rows: list[Row] = []
    before: Shown | None = None
    for label, at_us, _ in ws.shelf.notice_history():
        shown = texts.get(label)
        people = counts.get(label, (0, 0))
        at = EPOCH + timedelta(microseconds=at_us)
        rows.append(Row(label, at, label == newest, len(terms[label]), people[0], people[1], shown, before))
        before = shown or before
    return rows[::-1]


def _changes(ws: Workspace, prepared: Prepared) -> Compared | None:
    newest = ws.notices.newest()
    if newest is None or not prepared.texts or not prepared.is_new:
        return None
    old = show_notice(ws, newest.label, next(iter(prepared.texts)))
    notice = prepared.texts.get(old.notice.language) or next(iter(prepared.texts.values()))
    version = Version(prepared.label, prepared.digest, tuple(prepared.texts), ws.clock(), 0)
    new = Shown(version, notice, False, EPOCH + timedelta(microseconds=ws.clock()))
    return Compared(old, new, compare(old.notice, notice))
