"""What a disposal certificate says: one document for machines, and the same as a page for people.

The document is a JSON value; its canonical bytes (RFC 8785) are what the ledger entry names
by SHA-256, and so what is signed. The page is made from the document and nothing else, so
it cannot say more than was signed. Neither holds anything personal: tables, columns,
counts, reasons, instants.

Easy to get wrong: a certificate that sounds better than what was found. Its first line is
the status, and something that is left makes it "incomplete", whatever else went well.
Words of media sanitization are used only as far as they are true: a row that was deleted
and a file that was written anew is `clear`, where a server keeps a log it is not even
that, and only data whose key was destroyed is `cryptographic erase`.

Sources: GDPR Art. 5(2), 17, 19; NIST SP 800-88 Rev. 1, 2.5 and 2.6 (clear, purge, cryptographic
erase), Appendix G (what a certificate of sanitization says).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Literal

from rightful.ledger.canonical import canonical

FORMAT = 1
Kind = Literal["erasure", "disposal"]
ERASURE_LAW = "GDPR 17(1)"
DISPOSAL_LAW = "GDPR 5(1)(e)"
REFERENCE = "NIST SP 800-88 Rev. 1"
CLEAR, CRYPTOGRAPHIC_ERASE, NO_TERM = "clear", "cryptographic erase", ""
TERMS = {
    CLEAR: "clear: out of reach of what reads the store and its files",
    CRYPTOGRAPHIC_ERASE: "cryptographic erase, a technique of purge: what is left cannot be read without the key",
    NO_TERM: "less than clear",
}
STORES = {
    "duckdb": "Deleted in one transaction; then the whole encrypted store was written into a new file. The old file "
    "was removed, not overwritten: what its blocks still hold on the medium is encrypted with the store's key.",
    "postgres": "Deleted in transactions; then the tables were written anew and the free space was given back.",
    "mysql": "Deleted in transactions; then the tables were written anew.",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
OTHER_STORE = "Deleted in transactions."
_STYLE = """
@page{size:A4;margin:20mm 18mm}
body{font:10.5pt/1.5 "DejaVu Sans",system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:46rem;color:#17242b;
background:#fff;overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}h2{font-size:1.05rem;margin:1.4rem 0 .4rem}
p{margin:0 0 .5rem}.status{font-weight:700;border-inline-start:4px solid #1d6442;padding:.5rem .8rem;margin:0 0 1rem}
.partly .status{border-color:#7a5200}.incomplete .status{border-color:#a02622;color:#a02622}
table{border-collapse:collapse;width:100%;margin:.3rem 0 .8rem;font-size:.95em}
th,td{text-align:start;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #d8dfe2}
td.number,th.number{text-align:end;white-space:nowrap}code{font-size:.85em;overflow-wrap:anywhere}
.wide{overflow-x:auto}td,th{min-width:4.5rem}
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate is made from; everything as it was recorded when the run ended.

    Attributes:
        began, ended: instants in UTC, "2026-11-25T11:00:00Z".
        policy: version in force; "" where an older run did not keep it.
        outcome: as the run keeps it: deleted, changed or emptied, kept, residues or left, limits ...
        dialect: of the store.
        closing: (index, SHA-256) of the ledger entry that closed the run.
        replaces: entry of the certificate before, if the run was taken up again.
    """

    kind: Kind
    run: str
    organisation: str
    origin: str
    began: str
    ended: str
    policy: str
    status: str
    outcome: Mapping[str, Any]
    dialect: str
    closing: tuple[int, str]
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: paragraphs, then a table."""

    title: str
    paragraphs: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


def document(facts: Facts) -> dict[str, Any]:
    """The certificate. `abstract` comes first in the canonical order of members, so it is the first line."""
    outcome = facts.outcome
    emptied = outcome.get("changed", {}) if facts.kind == "erasure" else outcome.get("emptied", {})
    left = _left(facts)
    kept = [_kept(k) for k in outcome.get("kept", ()) if k["kind"] != "structure"]
    shells = [_kept(k) for k in outcome.get("kept", ()) if k["kind"] == "structure"]
    collateral = [dict(r) for r in outcome.get("collateral", ())]
    status = status_of(facts)
    deleted = outcome.get("deleted", {})
    because = outcome.get("because", {})
    return {
        "abstract": _abstract(facts, status, left, kept, collateral),
        "began": facts.began,
        "certificate": FORMAT,
        "checked": dict(outcome.get("checked", {})),
        "closing": {"entry": facts.closing[0], "sha256": facts.closing[1]},
        "done": [
            {
                "table": table,
                "deleted": deleted.get(table, 0),
                "emptied": emptied.get(table, 0),
                "because": list(because.get(table, ())),
            }
            for table in sorted({*deleted, *emptied})
        ],
        "ended": facts.ended,
        "kept": kept,
        "kept_empty": shells,
        "kind": facts.kind,
        "law": ERASURE_LAW if facts.kind == "erasure" else DISPOSAL_LAW,
        "left": left,
        "ledger": facts.origin,
        "limits": list(outcome.get("limits", ())),
        "methods": methods(facts),
        "organisation": facts.organisation,
        "policy": facts.policy,
        "recipients": int(outcome.get("recipients", 0)),
        "replaces": facts.replaces,
        "review": [dict(r) for r in outcome.get("review", ())],
        "run": facts.run,
        "shared_rows_spared": dict(outcome.get("spared", {})),
        "status": status,
        "touched_by_mistake": collateral,
    }


def status_of(facts: Facts) -> str:
    """complete, partly or incomplete: never better than what was found at the end."""
    outcome = facts.outcome
    if facts.status == "incomplete" or _left(facts) or outcome.get("collateral"):
        return "incomplete"
    if facts.status == "partly" or any(k["kind"] in _keepers(facts) for k in outcome.get("kept", ())):
        return "partly"
    return "complete"


def _keepers(facts: Facts) -> frozenset[str]:
    """What keeps something that was to go: what a law keeps is not due in a disposal, but asked for in an erasure."""
    return frozenset({"hold"}) if facts.kind == "disposal" else frozenset({"hold", "law"})


def methods(facts: Facts) -> list[dict[str, str]]:
    """How it was done, place by place, with the nearest word of NIST SP 800-88 that is true."""
    done = facts.outcome.get("deleted") or facts.outcome.get("changed") or facts.outcome.get("emptied")
    found = []
    if done:
        term = NO_TERM if facts.outcome.get("limits") else CLEAR
        found.append({"where": "store of customer data", "how": STORES.get(facts.dialect, OTHER_STORE), "term": term})
    if facts.kind == "erasure":
        found += [
            {
                "where": "consents, requests and letters",
                "how": "Deleted, overwritten or written anew; imported histories were written anew without the person.",
                "term": CLEAR,
            },
        ]
    found += _keys(facts)
    if found:
        keys = "; the keys of persons are not in them" if _keys(facts) else ""
        how = f"Not touched. They hold what was deleted until they are deleted themselves{keys}."
        found.append({"where": "backups made before", "how": how, "term": NO_TERM})
    return [{**one, "reference": REFERENCE if one["term"] else ""} for one in found]


def _keys(facts: Facts) -> list[dict[str, str]]:
    """What is said of keys: that they were destroyed only if they were looked for afterwards and are not there."""
    people = facts.outcome.get("people", {})
    if people.get("keys_left"):
        return []
    where, apart = "private parts of ledger entries", "Keys lie in a store of their own, apart from other backups."
    if facts.kind == "erasure":
        return [{"where": where, "how": f"The person's key was destroyed. {apart}", "term": CRYPTOGRAPHIC_ERASE}]
    if not people.get("keys"):
        return []
    whose = f"Of {people['gone']:,} people whose rows went" if people["gone"] > 1 else "Of the one whose row went"
    how = f"{whose}, {_count(people['keys'], 'key')} {'was' if people['keys'] == 1 else 'were'} destroyed. {apart}"
    return [{"where": where, "how": how, "term": CRYPTOGRAPHIC_ERASE}]


def text(made: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: canonical JSON."""
    return canonical(made)


# --- as a page -------------------------------------------------------------------------------------


def title(made: Mapping[str, Any]) -> str:
    what = "erasure" if made["kind"] == "erasure" else "disposal"
    return f"Certificate of {what} {made['run']}"


def sections(made: Mapping[str, Any]) -> tuple[Section, ...]:
    """The document in sentences and tables, in the order in which people ask."""
    return tuple(
        one
        for one in (
            _what(made),
            _stays(made),
            _places("What is still there", made["left"]),
            _places("What is gone and should not be", made["touched_by_mistake"]),
            _places("What a person still has to look at", made["review"]),
            Section("What could not be reached", tuple(made["limits"])) if made["limits"] else None,
            _how(made),
            _proof(made),
        )
        if one is not None
    )


def page(made: Mapping[str, Any], digest: str) -> str:
    """A page of its own: no script, nothing loaded. `digest`: SHA-256 of the signed bytes."""
    body = [f"<h1>{escape(title(made))}</h1>", f'<p class="status">{escape(made["abstract"])}</p>']
    for section in sections(made):
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += [f"<p>{escape(one)}</p>" for one in section.paragraphs]
        if section.rows:
            body.append(_table(section))
    body.append(f"<p>SHA-256 of certificate.json: <code>{escape(digest)}</code></p>")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title(made))}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f'<body class="{escape(made["status"])}">{"".join(body)}</body></html>\n'
    )


def _table(section: Section) -> str:
    heads = "".join(f'<th scope="col"{_number(section, i)}>{escape(h)}</th>' for i, h in enumerate(section.heads))
    rows = "".join(
        "<tr>" + "".join(f"<td{_number(section, i)}>{escape(said(c))}</td>" for i, c in enumerate(row)) + "</tr>"
        for row in section.rows
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _number(section: Section, place: int) -> str:
    return ' class="number"' if all(isinstance(row[place], int) for row in section.rows) else ""


def said(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _what(made: Mapping[str, Any]) -> Section:
    if made["kind"] == "erasure":
        why = f"{made['organisation']} was to erase one customer ({made['law']})."
    else:
        why = f"{made['organisation']} may keep data for as long as its storage periods run ({made['law']})."
    when = f"Begun {_moment(made['began'])}; ended {_moment(made['ended'])}."
    told = made["recipients"]
    recipients = (f"Recipients who have to erase it, too, and were told: {told}.",) if told else ()
    nothing = () if made["done"] else ("No row had to be changed.",)
    rows = [(d["table"], d["deleted"], d["emptied"], "; ".join(d["because"])) for d in made["done"]]
    heads: tuple[str, ...] = ("Table", "Rows deleted", "Rows emptied", "Because it has run out")
    if made["kind"] == "erasure":
        rows, heads = [row[:3] for row in rows], heads[:3]  # type: ignore[misc]
    spared = tuple(
        f"Also somebody else's, and left without naming the person: {_count(count, 'row')} of {table}."
        for table, count in made["shared_rows_spared"].items()
    )
    return Section("What was done, and why", (why, when, *recipients, *nothing, *spared), heads, tuple(rows))


def _stays(made: Mapping[str, Any]) -> Section | None:
    if not made["kept"] and not made["kept_empty"]:
        return None
    shells = tuple(
        f"In {k['table']}, {_count(k['rows'], 'row')} with nothing but {_fields(k)} had to stay: {k['why']}."
        for k in made["kept_empty"]
    )
    rows = tuple(
        (k["table"], k["rows"], _fields(k), f"{k['why']} ({k['article']})", k["until"] or "not known yet")
        for k in made["kept"]
    )
    heads = ("Table", "Rows", "What", "Why", "Until")
    return Section("What stays, why and until when", ("It is used for nothing else.", *shells), heads, rows)


def _places(heading: str, places: Sequence[Mapping[str, Any]]) -> Section | None:
    rows = tuple((f"{p['table']}.{p['column']}".strip("."), p["rows"], p["why"]) for p in places)
    return Section(heading, (), ("Where", "Rows", "Why"), rows) if rows else None


def _how(made: Mapping[str, Any]) -> Section | None:
    rows = tuple((m["where"], m["how"], TERMS[m["term"]]) for m in made["methods"])
    looked = made["checked"]
    words = "Counted again afterwards with the statements that had found it."
    if looked:
        words = (
            f"Looked at again afterwards: {_count(looked['tables'], 'table')}, "
            f"{_count(looked['text_columns'], 'text column')}, {_count(looked['links'], 'link')} between tables, and "
            "the bytes of Rightful's own files."
        )
    cited = (f"Terms as in {REFERENCE}, 2.5 and 2.6.",) if any(m["term"] for m in made["methods"]) else ()
    return Section("How, and how it was checked", (words, *cited), ("Where", "How", "Nearest term"), rows)


def _proof(made: Mapping[str, Any]) -> Section:
    words = [f"Policy in force: {made['policy']}."] if made["policy"] else []
    closing = made["closing"]
    words.append(
        f"The run was closed by entry {closing['entry']} of the ledger {made['ledger']} "
        f"(SHA-256 of its bytes: {closing['sha256']})."
    )
    words.append(
        "The receipt around this certificate proves, signed and without us, that a later entry names exactly this "
        "certificate. HOW-TO-VERIFY.md says how to check that with tools that are not ours."
    )
    if made["replaces"] is not None:
        words.append(f"It replaces the certificate of entry {made['replaces']}: the run was taken up again.")
    return Section("Proof", tuple(words))


# --- helpers ---------------------------------------------------------------------------------------


def _left(facts: Facts) -> list[dict[str, Any]]:
    if facts.kind == "erasure":
        return [dict(r) for r in facts.outcome.get("residues", ())]
    left = facts.outcome.get("left", {}).items()
    return [{"table": table, "column": "", "rows": rows, "why": "due, and still there"} for table, rows in left]


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "columns": list(one["columns"])}


def _abstract(
    facts: Facts,
    status: str,
    left: Sequence[Mapping[str, Any]],
    kept: Sequence[Mapping[str, Any]],
    collateral: Sequence[Mapping[str, Any]],
) -> str:
    what = "erasure" if facts.kind == "erasure" else "disposal"
    if status == "incomplete":
        parts = []
        if left:
            parts.append(f"something is left in {_count(len(left), 'place')}")
        if collateral:
            parts.append(f"something else was touched in {_count(len(collateral), 'place')}")
        return f"INCOMPLETE: this {what} has not ended well; {' and '.join(parts) or 'it did not reach its end'}."
    caveats = []
    if facts.outcome.get("limits"):
        caveats.append("what could not be reached is named below")
    if facts.outcome.get("review"):
        caveats.append("some places still need a person's look")
    if any(k["kind"] not in _keepers(facts) for k in kept):
        caveats.append("what a law keeps is named below")
    more = f"; {' and '.join(caveats)}." if caveats else "."
    if status == "partly":
        rows = sum(int(k["rows"]) for k in kept if k["kind"] in _keepers(facts))
        keeper = "a hold" if facts.kind == "disposal" else "a law or a hold"
        return f"Partly: this {what} is done except for {_count(rows, 'row')} that {keeper} keeps{more}"
    return f"Complete: this {what} is done, and nothing of it was found afterwards{more}"


def _fields(kept: Mapping[str, Any]) -> str:
    return ", ".join(kept["columns"]) or "all fields"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _moment(text: str) -> str:
    at = datetime.fromisoformat(text)
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"
