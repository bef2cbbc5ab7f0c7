"""What the demo tells: seven chapters about one workspace, each number taken from it.

A chapter asks the product something, the way its users would, and keeps two things:
`facts`, the numbers, for scripts and tests, and `blocks`, what a reader sees. How it
looks on a terminal is `run.py`'s business.

Easy to get wrong: a number written down. Everything here is counted while it is told,
so the story stays true on another day, with another seed, and on a second run.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightful.actions import customer_view, show_uses
from rightful.actions.compare_policies import compare_policies
from rightful.actions.export_audience import export_audience
from rightful.actions.use_data import query_data
from rightful.actions.verify_record import verify_record
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.demo import generate
from rightful.demo.world import ANALYST, MARKETER, SUPPORT, World
from rightful.errors import IntegrityFault, Refused
from rightful.gate import use
from rightful.gate.explain import explain
from rightful.gate.request import Request
from rightful.ledger.receipt import Receipt
from rightful.policy.diff import Change

if TYPE_CHECKING:
    from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody typed; `language` is sql, python or text."""

    text: str
    language: str = "sql"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows under headings; `right` are the columns of numbers."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """The gate's own words."""

    text: str


Block = Say | Code | Grid | Explained


@dataclass(frozen=True, slots=True)
class Chapter:
    """One screen. `name` never changes, `title` may hold a number or a key."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    facts: dict[str, Any] = field(default_factory=dict)


def tell(world: World) -> Iterator[Chapter]:
    """The story, chapter by chapter; each is computed when it is asked for."""
    yield _what_came_in(world.ws)
    yield _newsletter(world.ws)
    hero = somebody(world.ws)
    yield _one_withdrawal(world.ws, hero)
    yield _refused(world.ws)
    yield _one_customer(world.ws, hero)
    yield _policy_change(world.ws)
    yield _verified(world.ws)


# --- 1 ---------------------------------------------------------------------------------------------


def _what_came_in(ws: Workspace) -> Chapter:
    tables = {table.name: table.rows for table in ws.source.catalogue()}
    entries = [ws.ledger.entry(segment.entry).public for segment in ws.consent.segments()]
    accepted, unproven = (sum(int(e[name]) for e in entries) for name in ("rows", "unproven"))
    rejected: Counter[str] = Counter()
    for path in sorted(ws.consent.folder.glob("*-rejected.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rejected.update(row["why"] for row in csv.DictReader(file))
    real = sum(origin == generate.REAL for origin in generate.ORIGIN["customer"].values())
    fields = len(ws.facts.bound.category_of)
    special = sum(
        bool(category.special or category.treat_as_special)
        for category in map(ws.facts.policy.categories.__getitem__, ws.facts.bound.category_of.values())
    )
    rows = [(f"{tables[name]:,}", words) for name, words in _TABLE_WORDS.items() if name in tables]
    rows.append((f"{accepted:,}", "consent events of two years, each bound to the notice that was shown"))
    if unproven:
        rows.append((f"{unproven:,}", "  of them claims that nobody can prove: kept, but they permit nothing"))
    rows.append((f"{sum(rejected.values()):,}", "rows not taken, each with its line and reason in a file:"))
    rows += [(f"{count:,}", f"  {why}") for why, count in rejected.most_common()]
    return Chapter(
        "came-in",
        "What came in",
        (
            Say(
                f"Meadow is invented; its customers stand on real rows of a bank's telephone campaign "
                f"(UCI no. 222, CC BY 4.0). {real} of their {len(generate.ORIGIN['customer'])} columns are the bank's, "
                "names and choices are made up."
            ),
            Grid(("", ""), tuple(rows), (0,)),
            Say(
                f"The policy knows what kind of data all {fields} fields are; {special} of them may tell of somebody's "
                f"health. A field that nobody classified could not be used by anybody."
            ),
        ),
        {
            "tables": tables,
            "consents_accepted": accepted,
            "consents_unproven": unproven,
            "consents_rejected": dict(rejected),
            "fields": fields,
            "unclassified": len(ws.facts.bound.unclassified),
        },
    )


_TABLE_WORDS = {
    "customer": "customers",
    "order": "orders",
    "web_visit": "visits to the web site",
}


# --- 2 ---------------------------------------------------------------------------------------------


def _newsletter(ws: Workspace) -> Chapter:
    folder = ws.path / "exports"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / "newsletter.csv"
    done = export_audience(ws, MARKETER, "newsletter", channel="email", recipient="mailer", path=path)
    decision = done.use.decision
    names = done.columns
    every = len(next(t for t in ws.facts.tables if t.customer_table).columns)
    return Chapter(
        "newsletter",
        "Max, marketing, wants the list for the newsletter",
        (
            Code("rightful gate export newsletter.csv -p newsletter -c email --to mailer", "bash"),
            Explained(explain(decision)),
            Say(
                f"The file holds {done.rows:,} rows and {len(names)} of the {every} columns a customer has, "
                f"because this purpose needs no more and the mailer's contract covers no more: {', '.join(names)}."
            ),
        ),
        {
            "permitted": decision.permitted,
            "known": decision.known,
            "withheld": dict(decision.withheld),
            "rows": done.rows,
            "columns": names,
            "file": str(path),
            "entry": done.use.entry.index,
        },
    )


# --- 3 ---------------------------------------------------------------------------------------------

COUNT = "select segment, count(*) as n from customer group by segment order by segment"
STUDY = "churn-analysis"


@dataclass(frozen=True, slots=True)
class Hero:
    """The customer the story follows."""

    key: str
    email: str


def somebody(ws: Workspace) -> Hero:
    """A customer who reads the newsletter and takes part in the study, with an address of their own.

    Whom the gate permits is looked up in the permission state; the address is read through the gate.
    """
    import numpy as np

    now = ws.clock()
    known = ws.facts.bulk(ws.facts.plan(Request(ANALYST, "analyst", STUDY), now), now).known
    planes = [
        ws.facts.permitted(ws.facts.plan(request, now), now)
        for request in (
            Request(ANALYST, "analyst", STUDY),
            Request(MARKETER, "marketer", "newsletter", "email", "mailer"),
            Request(SUPPORT, "support", "account-service"),
        )
    ]
    both = np.flatnonzero(np.unpackbits(planes[0] & planes[1] & planes[2], count=known, bitorder="little"))
    for no in both:
        key = use.customer_key(ws, int(no))
        if key is None:
            continue
        email = email_of(ws, key)
        if email and customer_view.recognise_customer(ws, email) == key:
            return Hero(key, email)
    raise IntegrityFault("nobody is left who takes part in both; start over in another folder")


def told_about(ws: Workspace) -> str:
    """The customer of the newest withdrawal; "" if there was none."""
    found = ws.control.query("SELECT no FROM consent_event WHERE purpose = ? ORDER BY seq DESC LIMIT 1", (STUDY,))
    return (use.customer_key(ws, int(found[0][0])) or "") if found else ""


def email_of(ws: Workspace, key: str) -> str:
    """A customer's address, read the way support reads it: for a purpose, on record."""
    from sqlglot import exp

    text = exp.select("email").from_("customer").where(exp.column("id").eq(exp.Literal.string(key))).sql("duckdb")
    rows = query_data(ws, SUPPORT, "account-service", text).table.to_pylist()
    return str(rows[0]["email"] or "") if rows else ""


def _one_withdrawal(ws: Workspace, hero: Hero) -> Chapter:
    before = _counts(ws)
    said = withdraw_consent(ws, hero.key, STUDY)
    began = time.perf_counter()
    after = _counts(ws)
    took = time.perf_counter() - began
    rows = [(s, f"{n:,}", f"{after.get(s, 0):,}", _change(after.get(s, 0) - n)) for s, n in before.items()]
    total = sum(before.values()), sum(after.values())
    rows.append(("together", f"{total[0]:,}", f"{total[1]:,}", _change(total[1] - total[0])))
    return Chapter(
        "withdrawal",
        "One customer says no, and the next read knows",
        (
            Say(f"Ana, analyst, studies why members leave. Only those who agreed to {STUDY} are in her tables."),
            Code(
                f'rights = rf.connect("meadow", actor="{ANALYST}", purpose="{STUDY}")\nrights.sql("{COUNT}")',
                "python",
            ),
            Say(
                f"Between the two columns customer {hero.key} pressed one switch in the portal "
                f"(ledger entry {said.index}). Nothing was reloaded; the second answer took {took * 1000:.0f} ms."
            ),
            Grid(("segment", "before", "after", "change"), tuple(rows), (1, 2, 3)),
        ),
        {
            "customer": hero.key,
            "before": total[0],
            "after": total[1],
            "segments_changed": sum(after.get(s, 0) != n for s, n in before.items()),
            "entry": said.index,
            "milliseconds": round(took * 1000, 1),
        },
    )


def _counts(ws: Workspace) -> dict[str, int]:
    rows = query_data(ws, ANALYST, STUDY, COUNT).table.to_pylist()
    return {str(row["segment"]): int(row["n"]) for row in rows}


def _change(difference: int) -> str:
    return f"{difference:+,}" if difference else ""


# --- 4 ---------------------------------------------------------------------------------------------

SMALL = "select city, job, count(*) as n from customer group by city, job"


def _refused(ws: Workspace) -> Chapter:
    attempts = (
        ("A column the study does not need", ANALYST, STUDY, "select email, segment from customer"),
        ("A question without a purpose", ANALYST, "", "select count(*) from customer"),
        ("Single people, for a purpose that only counts", ANALYST, "statistics", "select id, balance from customer"),
        ("Somebody else's purpose", MARKETER, STUDY, "select count(*) from customer"),
    )
    blocks: list[Block] = []
    refused = {}
    for title, actor, purpose, sql in attempts:
        code, sentence = _attempt(ws, actor, purpose, sql)
        refused[title] = code
        blocks += [Say(f"{title}: {actor.split('@')[0]} asks{' for ' + purpose if purpose else ''}"), Code(sql)]
        blocks.append(Explained(sentence))
    small = query_data(ws, ANALYST, "statistics", SMALL)
    at_least = ws.facts.policy.purposes["statistics"].at_least or 0
    least = min(small.table.column("n").to_pylist(), default=0)
    left_out = f"{small.suppressed_groups:,} groups are left out" if small.suppressed_groups else "Others are left out"
    blocks += [
        Say("Groups that may be so small that they point at people: ana asks for statistics"),
        Code(SMALL),
        Explained(
            f"{small.table.num_rows:,} groups come back, the smallest of {least:,} people. "
            f"{left_out}: they hold fewer than {at_least}, or would give one away."
        ),
    ]
    return Chapter(
        "refusals",
        "Four questions the gate refuses, and one it answers with care",
        tuple(blocks),
        {
            "refused": refused,
            "groups": small.table.num_rows,
            "groups_left_out": small.suppressed_groups,
            "smallest_group": least,
            "at_least": at_least,
        },
    )


def _attempt(ws: Workspace, actor: str, purpose: str, sql: str) -> tuple[str, str]:
    try:
        query_data(ws, actor, purpose, sql)
    except Refused as refusal:
        cited = f" ({refusal.article})" if refusal.article else ""
        sentence = refusal.sentence[:1].upper() + refusal.sentence[1:]
        return refusal.code, f"Refused: {sentence}{cited}."
    raise IntegrityFault(f"the gate let through what it should refuse: {purpose or 'no purpose'}")


# --- 5 ---------------------------------------------------------------------------------------------


def _one_customer(ws: Workspace, hero: Hero) -> Chapter:
    seen = show_uses.uses(ws, hero.key, limit=8)
    mine = next(u for u in seen if u.outcome == "choice")
    receipt = Receipt.load(show_uses.proof(ws, hero.key, mine.index))
    good = receipt.verify(ws.ledger.verifier_key)
    changed = replace(receipt, entry=_one_byte_changed(receipt.entry))
    bad = changed.verify(ws.ledger.verifier_key)
    rows = tuple((str(u.index), f"{u.at:%a %d %b %H:%M:%S}", u.what) for u in seen)
    return Chapter(
        "customer",
        f"What customer {hero.key} sees",
        (
            Say("Each use, each refusal and each choice of their own, newest first. Times are UTC."),
            Grid(("entry", "when", "what happened"), rows, (0,)),
            Say(
                f"The receipt of entry {mine.index}, with its proof, checked offline: "
                + (f"it stands in the signed log of {good.size:,} entries." if good.ok else "it does not hold.")
            ),
            Say(
                "The same receipt with one byte changed: "
                + (f"{bad.problems[0].sentence}." if bad.problems else "accepted, which is a fault.")
            ),
        ),
        {
            "customer": hero.key,
            "uses": len(seen),
            "outcomes": dict(Counter(u.outcome for u in seen)),
            "receipt_verified": good.ok,
            "changed_byte_detected": not bad.ok,
            "entry": mine.index,
        },
    )


def _one_byte_changed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


# --- 6 ---------------------------------------------------------------------------------------------

MOST_USES = 8


def _policy_change(ws: Workspace) -> Chapter:
    history = ws.shelf.history()
    old, new = (ws.shelf.version(history[place].version) for place in (0, 1))
    assert old is not None and new is not None
    found = compare_policies(ws, old, new)
    blocks: list[Block] = [
        Code("rightful policy diff 2025-01 2026-02", "bash"),
        Say(
            f"Every question the policy can be asked was answered under both versions: {found.widenings:,} answers "
            f"permit more, {found.narrowings:,} less. A widening needs a second person; {history[1].approver} "
            "approved this one."
        ),
        Grid(("", "who", "use", "fields", ""), tuple(_drawn_together(found.changes)), (3,)),
    ]
    blocks.append(Say("What that means for customers, counted one by one:"))
    reach = sorted(found.reach, key=lambda r: -(r.gained + r.lost))
    rows = tuple(
        (_use(r.purpose, r.channel, r.recipient), f"{r.before:,}", f"{r.after:,}", _change(r.gained), _change(-r.lost))
        for r in reach[:MOST_USES]
    )
    blocks.append(Grid(("customers who may be used for", old.label, new.label, "gained", "lost"), rows, (1, 2, 3, 4)))
    return Chapter(
        "policy-change",
        f"The policy changes, from {old.label} to {new.label}",
        tuple(blocks),
        {
            "old": old.label,
            "new": new.label,
            "widenings": found.widenings,
            "narrowings": found.narrowings,
            "uses_with_other_customers": len(found.reach),
            "reach": [[r.purpose, r.channel, r.recipient, r.before, r.after, r.gained, r.lost] for r in found.reach],
            "approver": history[1].approver,
            "notices_changed": len(found.notices),
        },
    )


def _drawn_together(changes: Sequence[Change]) -> Iterator[tuple[str, ...]]:
    """One line for each role and use: how many fields, and which way."""
    found: dict[tuple[str, str, str, str], set[str]] = {}
    for change in changes:
        if change.what == "answer" and change.kind != "changed":
            way = "may now be read" if change.before.startswith("refused") else "more freely"
            if change.kind == "narrowing":
                way = "no longer" if change.after.startswith("refused") else "less freely"
            use = _use(change.purpose, change.channel, change.recipient)
            sign = "+" if change.kind == "widening" else "-"
            found.setdefault((sign, change.role, use, way), set()).add(change.field)
    for (sign, role, use, way), fields in found.items():
        yield sign, role, use, f"{len(fields)}", way


def _use(purpose: str, channel: str, recipient: str) -> str:
    return purpose + (f" by {channel}" if channel else "") + (f" to {recipient}" if recipient else "")


# --- 7 ---------------------------------------------------------------------------------------------


def _verified(ws: Workspace) -> Chapter:
    found = verify_record(ws)
    forged = _forged_copy(ws)
    rows = tuple(
        ("ok" if not part.problems else part.problems[0].sentence, part.name, f"{part.checked:,} {part.unit}")
        for part in found.parts
    )
    return Chapter(
        "verified",
        "Nobody changed the record, and anybody can check",
        (
            Code("rightful ledger verify", "bash"),
            Grid(("", "what", "checked"), rows),
            Say(f"{found.size:,} entries under one signed root, {found.root[:32]}..."),
            Say(f"In a copy of the database one letter of an old entry was changed: {forged}."),
        ),
        {
            "ok": found.ok,
            "size": found.size,
            "root": found.root,
            "checked": {part.name: part.checked for part in found.parts},
            "forgery": forged,
        },
    )


def _forged_copy(ws: Workspace) -> str:
    """Change one byte of one entry in a copy, and say what verification says."""
    import sqlite3

    from rightful.ledger.database import connect
    from rightful.ledger.verify import verify_database

    if ws.control.dialect != "sqlite":
        return "only tried on SQLite"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.sqlite"
        with sqlite3.connect(ws.path / "state" / "control.sqlite") as source:
            source.execute("VACUUM INTO ?", (str(copy),))
        with sqlite3.connect(copy) as con:
            index, leaf = con.execute("SELECT idx, leaf FROM rf_entry ORDER BY idx LIMIT 1 OFFSET 1").fetchone()
            con.execute("UPDATE rf_entry SET leaf = ? WHERE idx = ?", (_one_byte_changed(bytes(leaf)), index))
        con.close()
        source.close()
        database = connect(copy)
        try:
            report = verify_database(database, ws.ledger.verifier_key)
        finally:
            database.close()
    return report.first.sentence if report.first else "nothing was noticed, which is a fault"
