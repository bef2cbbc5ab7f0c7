"""The copy a customer takes home: a page to read, JSON for other programs, CSV for a spreadsheet.

Says what is held and why (GDPR Art. 15(1) (a)-(h)), who received it, and what is not in
the copy and why not. JSON follows copy.schema.json beside this file.

Easy to get wrong: a value that a browser or a spreadsheet would run (everything is escaped,
a cell never begins like a formula); other people's addresses in a text (`without_others`);
a copy that says less than it should without saying so.

Sources: GDPR Art. 15, 20; WP242 rev.01; AC-017, AC-021; OWASP on CSV injection.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("copy.schema.json")
SOMEBODY_ELSE = "[somebody else]"
ABOUT_OTHERS = frozenset({"third-party", "third-parties", "other-people"})
"""Categories whose fields are about somebody else: masked in every copy (GDPR Art. 15(4), case O18)."""
FREE_TEXT = frozenset({"free-text", "notes", "free-texts"})
LONG_TEXT = 200


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """What a field is, beside its values."""

    field: str
    category: str
    origin: str
    purposes: tuple[str, ...]
    kept: str


@dataclass(frozen=True, slots=True)
class PurposeSeen:
    purpose: str
    says: str
    basis: str
    kept: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """Somebody who got some of it."""

    recipient: str
    kind: str
    country: str
    safeguard: str
    purpose: str
    at: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something that is not in the copy. `why` is a code of `WITHHELD_WORDS`."""

    field: str
    why: str


WITHHELD_WORDS = {
    "second-proof": "This is sensitive. Show us a second proof that it is you, then you get it.",
    "cool-down": "This is sensitive. We told all your channels and wait three days before it leaves.",
    "review": "This is free text. A person looks first whether it is about somebody else.",
    "not-given": "A person found that this text is about somebody else.",
    "not-portable": "You did not give us this, or we do not hold it by your consent or a contract.",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """Everything that goes into the files."""

    request: str
    kind: str
    organisation: str
    contact: str
    made_at: datetime
    customer: str
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    fields: Sequence[FieldSeen] = ()
    purposes: Sequence[PurposeSeen] = ()
    recipients: Sequence[Received] = ()
    withheld: Sequence[Withheld] = ()
    uses: int = 0
    rights: Sequence[str] = field(default_factory=tuple)


def is_free_text(category: str, value: object) -> bool:
    """Whether a value is a text in which anything, and anybody, may be mentioned."""
    return isinstance(value, str) and (category in FREE_TEXT or len(value) > LONG_TEXT or "\n" in value)


_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+\.[^\s<>\"'(),;:.]+")
_NUMBER = re.compile(r"(?<![\w])\+?\d[\d\s()/.-]{6,}\d(?![\w])")


def without_others(text: str, own: Collection[str]) -> str:
    """A free text without addresses and numbers that are not the customer's own. Proposal for a reviewer."""
    mine = {_bare(value) for value in own}

    def address(match: re.Match[str]) -> str:
        return match[0] if match[0].lower() in mine else SOMEBODY_ELSE

    def number(match: re.Match[str]) -> str:
        return match[0] if _bare(match[0]) in mine else SOMEBODY_ELSE

    return _NUMBER.sub(number, _ADDRESS.sub(address, text))


def addresses_in(text: str) -> list[str]:
    """E-mail addresses that stand in a text."""
    return list(dict.fromkeys(match.lower() for match in _ADDRESS.findall(text)))


def _bare(value: str) -> str:
    return value.lower() if "@" in value else re.sub(r"\D", "", value).lstrip("0")


def as_document(copy: Copy) -> dict[str, Any]:
    """The JSON document."""
    return {
        "schema": "rightful/copy/1",
        "request": copy.request,
        "kind": copy.kind,
        "organisation": copy.organisation,
        "contact": copy.contact,
        "made_at": copy.made_at.isoformat(),
        "customer": copy.customer,
        "tables": [
            {"name": name, "rows": [{column: plain(value) for column, value in row.items()} for row in rows]}
            for name, rows in copy.tables.items()
        ],
        "fields": [_listed(asdict(one)) for one in copy.fields],
        "purposes": [_listed(asdict(one)) for one in copy.purposes],
        "recipients": [_listed(asdict(one)) for one in copy.recipients],
        "withheld": [{**asdict(one), "says": WITHHELD_WORDS[one.why]} for one in copy.withheld],
        "uses": copy.uses,
        "rights": list(copy.rights),
    }


def plain(value: object) -> Any:
    """A value as JSON has it: nothing is rounded, dates are ISO 8601."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return "base64:" + base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return str(value)


@lru_cache(maxsize=1)
def schema_text() -> str:
    return SCHEMA.read_text("utf-8")


def as_zip(copy: Copy) -> bytes:
    """All files of the copy in one; the same copy always gives the same bytes."""
    document = as_document(copy)
    files = {
        "copy.html": as_html(document),
        "copy.json": json.dumps(document, ensure_ascii=False, indent=2) + "\n",
        "copy.schema.json": schema_text(),
    }
    for table in document["tables"]:
        files[f"csv/{_file_name(table['name'])}.csv"] = as_csv(table["rows"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in files.items():
            zipped.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One table; a cell never begins like a formula."""
    out = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.writer(out)
    writer.writerow([safe_cell(c) for c in columns])
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in columns])
    return out.getvalue()


def safe_cell(value: object) -> str:
    """A cell that no spreadsheet runs: text that begins like a formula gets an apostrophe."""
    text = (
        "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    )
    risky = isinstance(value, str) and text[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{text}" if risky else text


_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.55 system-ui,sans-serif;margin:0 auto;padding:1.5rem 1rem 4rem;
max-width:56rem;overflow-wrap:anywhere}h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
h3{font-size:1rem;margin:1.5rem 0 .4rem}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:start;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8886}thead th{font-weight:600}
dl div{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.2rem 1rem;padding:.35rem 0;
border-bottom:1px solid #8884}dt{opacity:.75}dd{margin:0}@media(max-width:30rem){dl div{grid-template-columns:1fr}}
"""
_ORIGINS = {
    "gave": "You gave us this",
    "saw": "We saw this",
    "inferred": "We worked this out",
    "others": "Others gave us this",
}


def as_html(document: Mapping[str, Any]) -> str:
    """The page to read. Holds no script and loads nothing."""
    made = datetime.fromisoformat(document["made_at"])
    title = f"Your data at {document['organisation']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        (
            f"<p>Request {escape(document['request'])}, made on {made:%A}, {made.day} {made:%B %Y} "
            f"({made:%H:%M} UTC). Questions: {escape(document['contact'])}.</p>"
        ),
    ]
    parts += [part for table in document["tables"] for part in _table(table, document["fields"])]
    parts.append("<h2>What we use it for</h2>")
    parts += _rows(
        "What we use it for",
        ("What", "Why we may", "Kept", "Given to"),
        [(p["says"], p["basis"], p["kept"], ", ".join(p["recipients"])) for p in document["purposes"]],
        "We use it for nothing.",
    )
    parts.append("<h2>Where it comes from, and what each piece serves</h2>")
    parts += _rows(
        "Where it comes from, and what each piece serves",
        ("Piece", "From where", "Serves", "Kept"),
        [
            (_label(f["field"]), _ORIGINS.get(f["origin"], ""), ", ".join(f["purposes"]) or "nothing", f["kept"])
            for f in document["fields"]
        ],
        "Nothing is held.",
    )
    parts.append("<h2>Who received some of it</h2>")
    parts += _rows(
        "Who received some of it",
        ("Who", "Where", "What for", "When", "What"),
        [
            (r["recipient"], " ".join((r["country"], r["safeguard"])).strip(), r["purpose"], r["at"],
             ", ".join(map(_label, r["fields"])))
            for r in document["recipients"]
        ],
        "Nobody outside received it.",
    )  # fmt: skip
    if document["withheld"]:
        parts.append("<h2>What is not in this copy</h2>")
        parts += _rows(
            "What is not in this copy",
            ("Piece", "Why"),
            [(_label(w["field"]), w["says"]) for w in document["withheld"]],
            "",
        )
    parts.append(
        "<h2>What you can do</h2><ul>" + "".join(f"<li>{escape(r)}</li>" for r in document["rights"]) + "</ul>"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _table(table: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = table["rows"]
    head = f"<h2>{escape(_words(table['name']))}</h2>"
    if not rows:
        return [head, "<p>Nothing is held here.</p>"]
    if len(rows) == 1:
        pairs = "".join(
            f"<div><dt>{escape(_words(c))}</dt><dd><bdi>{escape(_shown(v))}</bdi></dd></div>"
            for c, v in rows[0].items()
        )
        return [head, f"<dl>{pairs}</dl>"]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [tuple(_shown(row.get(column)) for column in columns) for row in rows]
    return [head, *_rows(_words(table["name"]), tuple(map(_words, columns)), cells, "")]


def _rows(label: str, headings: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> list[str]:
    if not rows:
        return [f"<p>{escape(empty)}</p>"]
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return [
        (
            f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
    ]


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _label(name: str) -> str:
    table, _, column = name.rpartition(".")
    return f"{_words(column)} ({_words(table)})" if table else _words(column)


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip().capitalize()


def _listed(members: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
