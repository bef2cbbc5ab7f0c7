"""How a file becomes governed tables of the embedded store, and what is asked before.

Two steps, so that nothing is loaded unseen. `propose` reads a bounded sample
and says: tables, columns with their safe names, types, what personal data they
seem to hold and why, keys, links. `load` takes the proposal (changed by a person
or not) and loads all of it in one transaction: a kill at any moment leaves the
old state, and running it again starts clean.

Easy to get wrong:
* Format and encoding are told by content; file names lie.
* Keys are text, byte for byte: '007' is not 7, and 'Ana' is not 'ana'. Variants
  are counted and shown, never merged; two different rows with one key are both
  turned away, because choosing one would be a guess.
* A known customer keeps its number and its flags when a file comes again. Who is
  missing in the new file is counted, not deleted.
* A type seen in the first rows may change late in the file: rows that do not fit
  are turned away with their line, and too many of them stop the import.
* Sizes are checked before anything is parsed (CSV lines, zip entries of Excel).

Sources: RFC 4180; ECMA-376; GDPR Art. 5(1)(d); DuckDB documentation, "CSV import", "Reading faulty CSV files".
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import itertools
import os
import re
import tempfile
import threading
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from rightful.errors import BadInput, FileRejected
from rightful.sources import leaving_out
from rightful.sources.classify import Finding, classify
from rightful.sources.duckdb import BASE, META, NUMBER, DuckDBSource, canonical_type, quoted_name, quoted_text
from rightful.sources.leaving_out import LeftOut, Recogniser

if TYPE_CHECKING:
    from rightful.sources.contract import TableInfo

Format = Literal["csv", "parquet", "xlsx"]
Progress = Callable[[str, float], None]

FIELD_BYTES = 1 << 20
LINE_BYTES = 2 << 20
COLUMNS = 1_600
SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 5_000
SPREAD_CHUNKS = 8
SPREAD_BYTES = 64 << 10
CLASSIFY_VALUES = 200
ZIP_ENTRIES = 2_000
ZIP_BYTES = 256 << 20
ZIP_STRINGS_BYTES = 48 << 20
ZIP_RATIO = 200
MOST_REJECTED = 0.1

_STAGE = "rf_stage"


class Dialect(NamedTuple):
    """How a CSV file is written. `lines` counts line ends, also those inside quoted fields."""

    delimiter: str
    quote: str
    escape: str
    encoding: str  # utf-8, utf-8-sig, utf-16, latin-1 or cp1252
    lines: int
    mixed_breaks: bool = False  # some lines end in CR LF, some in LF (or fields hold one of them)


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """A column as it will be stored. `format` is set where text becomes a day by a pattern."""

    position: int
    original: str
    name: str
    type: str
    finding: Finding
    filled: float
    format: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableProposal:
    """A file as a table. `key` identifies a row; `subject` holds the customer's key."""

    path: Path
    format: Format
    name: str
    columns: tuple[ColumnProposal, ...]
    digest: str
    rows: int
    rows_exact: bool
    sampled: int
    key_candidates: tuple[str, ...]
    key: str | None
    customer_table: bool
    subject: str | None
    dialect: Dialect | None = None
    sheet: str = ""
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnProposal:
        for column in self.columns:
            if column.name == name:
                return column
        raise BadInput(
            f"table {self.name} has no column {name}", remedy=f"Columns: {', '.join(c.name for c in self.columns)}"
        )


@dataclass(frozen=True, slots=True)
class Link:
    """Rows of `table` belong to the row of `to_table` that has the same key."""

    table: str
    column: str
    to_table: str
    to_column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `load` would do. Nothing has been loaded."""

    tables: tuple[TableProposal, ...]
    links: tuple[Link, ...]

    def table(self, name: str) -> TableProposal:
        for table in self.tables:
            if table.name == name:
                return table
        raise BadInput(f"the proposal has no table {name}", remedy=f"Tables: {', '.join(t.name for t in self.tables)}")

    def decide(
        self,
        table: str,
        *,
        key: str | None = None,
        subject: str | None = None,
        customer_table: bool | None = None,
        types: Mapping[str, str] | None = None,
        categories: Mapping[str, str] | None = None,
    ) -> Proposal:
        """The proposal with a person's decisions in it."""
        old = self.table(table)
        for wanted in (key, subject, *(types or {}), *(categories or {})):
            if wanted is not None:
                old.column(wanted)
        for kind in (types or {}).values():
            if kind not in _SQL_TYPES:
                raise BadInput(f"there is no type {kind}", remedy=f"Types: {', '.join(sorted(_SQL_TYPES))}")
        is_customer = old.customer_table if customer_table is None else customer_table
        new_key = key if key is not None else old.key
        new_subject = subject if subject is not None else (new_key if is_customer else old.subject)
        columns = []
        for column in old.columns:
            kind = (types or {}).get(column.name, column.type)
            if column.name in (new_key, new_subject) and old.format != "parquet":
                kind = "text"
            finding = column.finding
            if categories and column.name in categories:
                finding = Finding(categories[column.name], "decided by a person", 1.0)
            pattern = column.format if kind == column.type else ""
            columns.append(replace(column, type=kind, finding=finding, format=pattern))
        new = replace(old, columns=tuple(columns), key=new_key, subject=new_subject, customer_table=is_customer)
        others = tuple(replace(t, customer_table=False) if is_customer and t.name != table else t for t in self.tables)
        return replace(self, tables=tuple(new if t.name == table else t for t in others))

    @property
    def undecided(self) -> tuple[str, ...]:
        """Fields nobody could classify: they are stored and cannot be used."""
        return tuple(f"{t.name}.{c.name}" for t in self.tables for c in t.columns if not c.finding.category)

    def as_text(self) -> str:
        """The proposal as plain text tables; says what was looked at, quotes no value."""
        parts = []
        for table in self.tables:
            about = "" if table.rows_exact else "about "
            head = f"{table.name}  <-  {table.path.name} ({table.format}"
            if table.dialect:
                head += f", {_words_for(table.dialect)}"
            if table.sheet:
                head += f", sheet {table.sheet}"
            head += f"): {about}{table.rows:,} rows, {len(table.columns)} columns, {table.sampled:,} rows looked at"
            role = (
                "customers"
                if table.customer_table
                else "rows of customers"
                if table.subject
                else "not linked to customers"
            )
            key = f"key {table.key}" if table.key else "no key found"
            rows = [("column", "from", "type", "category", "sure", "because")]
            for column in table.columns:
                finding = column.finding
                rows.append((
                    column.name,
                    "" if column.original == column.name else column.original,
                    column.type,
                    finding.category or "?",
                    f"{finding.confidence:.0%}" if finding.category else "",
                    finding.reason + (f" ({column.note})" if column.note else ""),
                ))  # fmt: skip
            widths = [min(max(len(row[i]) for row in rows), 40) for i in range(5)]
            lines = [head, f"{role}; {key}" + (f"; customer's key: {table.subject}" if table.subject else "")]
            for row in rows:
                lines.append("  " + "  ".join([*(row[i].ljust(widths[i]) for i in range(5)), row[5]]).rstrip())
            lines += [f"  note: {note}" for note in table.notes]
            parts.append("\n".join(lines))
        for link in self.links:
            parts.append(f"{link.table}.{link.column} -> {link.to_table}.{link.to_column}: {link.reason}")
        if self.undecided:
            parts.append(f"To decide before use: {', '.join(self.undecided)}")
        return "\n\n".join(parts) + "\n"

    def categories_yaml(self) -> str:
        """The `categories:` part of a policy, ready to be looked over and pasted."""
        grouped: dict[str, list[str]] = {}
        for table in self.tables:
            for column in table.columns:
                if column.finding.category:
                    grouped.setdefault(column.finding.category, []).append(f"{table.name}.{column.name}")
        lines = ["categories:"]
        for category, fields in grouped.items():
            extra = ""
            found = [c.finding for t in self.tables for c in t.columns if c.finding.category == category]
            special = next((f.special for f in found if f.special), "")
            if special:
                extra = f", special: {special}"
            elif any(f.treat_as_special for f in found):
                extra = ", treat-as: special"
            lines.append(f"  {category}: {{fields: [{', '.join(fields)}]{extra}}}")
        if self.undecided:
            lines.append("  # Decide: a field in no category cannot be used.")
            lines += [f"  #   {name}" for name in self.undecided]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """What happened to one table. `rejected_file` names lines and reasons, no values."""

    name: str
    rows: int
    new: int
    known: int
    vanished: int
    rejected: int
    rejected_file: Path | None
    unlinked: int
    notes: tuple[str, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)  # of people who were erased


@dataclass(frozen=True, slots=True)
class Loaded:
    tables: tuple[LoadedTable, ...]
    customers: int

    @property
    def rejected(self) -> int:
        return sum(table.rejected for table in self.tables)


# Propose -----------------------------------------------------------------------------------------


def propose(*paths: str | Path, known: Sequence[TableInfo] = (), names: Mapping[str, str] | None = None) -> Proposal:
    """Look at files and say how they would be loaded.

    Args:
        paths: CSV, Parquet or Excel files.
        known: tables the store has already (`source.catalogue()`): a file that comes again keeps the
            types, the key and the role it had.
        names: table name for a path, where the file's own name is not wanted.

    Raises:
        FileRejected: a file that cannot be imported as it is, with line and what to do.
    """
    if not paths:
        raise BadInput("no file was named", remedy="Name one or more CSV, Parquet or Excel files")
    drafts: list[_Draft] = []
    taken: set[str] = set()
    for given in paths:
        path = Path(given)
        wanted = (names or {}).get(str(given)) or path.stem
        draft = _look_at(path)
        draft.name = _unique(safe_name(wanted, fallback="table_1"), taken)
        drafts.append(draft)
    tables = [_table_of(draft, known) for draft in drafts]
    tables, links = _linked(tables, drafts, known)
    return Proposal(tuple(tables), tuple(links))


def safe_name(original: str, *, fallback: str) -> str:
    """A lower-case SQL identifier of ASCII letters, digits and underscores that is not one of ours."""
    folded = unicodedata.normalize("NFKD", original.replace("ß", "ss"))
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:56].strip("_")
    if not name or (not plain.isascii() and not re.search(r"[a-z]", name)):
        name = fallback
    if name[0].isdigit():
        name = f"c_{name}"
    return f"x_{name}" if name.startswith("rf_") else name


@dataclass(slots=True)
class _Draft:
    """A file after a first look: names and a sample, nothing decided."""

    path: Path
    format: Format
    header: list[str]
    sample: list[list[str | None]]
    rows: int
    rows_exact: bool
    digest: str
    types: list[str] | None = None  # known from the file itself (Parquet)
    dialect: Dialect | None = None
    sheet: str = ""
    notes: list[str] = field(default_factory=list)
    name: str = ""


def _look_at(path: Path) -> _Draft:
    if not path.is_file():
        raise FileRejected(f"there is no file {path}", remedy="Check the path")
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise FileRejected(f"{path.name} is empty", remedy="Export it again with a header line and rows")
    if head.startswith(b"PAR1"):
        return _look_at_parquet(path)
    if head.startswith(b"PK\x03\x04"):
        return _look_at_xlsx(path)
    for magic, kind, remedy in _FOREIGN:
        if head.startswith(magic):
            raise FileRejected(f"{path.name} is {kind}, not CSV, Parquet or Excel", remedy=remedy)
    return _look_at_csv(path)


_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel file", "Save it as .xlsx without a password"),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first"),
    (b"%PDF", "a PDF", "Export the data as CSV"),
    (b"SQLite f", "an SQLite database", "Export its tables as CSV"),
    (b"BZh", "compressed with bzip2", "Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first"),
    (b"\x7fELF", "a program", "Choose a data file"),
)


def _table_of(draft: _Draft, known: Sequence[TableInfo]) -> TableProposal:
    before = next((table for table in known if table.name == draft.name), None)
    old_types = {column.name: column.type for column in before.columns} if before else {}
    taken: set[str] = set()
    columns: list[ColumnProposal] = []
    for position, original in enumerate(draft.header):
        name = _unique(safe_name(original, fallback=f"column_{position + 1}"), taken)
        values = [row[position] for row in draft.sample]
        present = [value for value in values if value]
        kind, pattern, note = ("text", "", "")
        if draft.types is not None:
            kind = draft.types[position]
        else:
            kind, pattern, note = _infer(present)
        finding = classify(original if original else name, kind, _spread(present, CLASSIFY_VALUES))
        if draft.types is None and kind in ("bigint", "double") and finding.category in _DIGITS_ARE_TEXT:
            kind, note = "text", "digits kept as they are written"
        old = old_types.get(name)
        if old and old != kind:
            kind, pattern = old, pattern if old == "date" and kind == "date" else ""
            note = "type as in the store"
        columns.append(
            ColumnProposal(position, original, name, kind, finding, len(present) / max(len(values), 1), pattern, note)
        )
    candidates = _key_candidates(draft, columns)
    key = candidates[0] if candidates else None
    if before and before.customer_table and before.key in taken:
        key = before.key
    return TableProposal(
        path=draft.path, format=draft.format, name=draft.name, columns=tuple(columns), digest=draft.digest,
        rows=draft.rows, rows_exact=draft.rows_exact, sampled=len(draft.sample), key_candidates=candidates,
        key=key, customer_table=bool(before and before.customer_table),
        subject=before.key if before and before.key in taken else None,
        dialect=draft.dialect, sheet=draft.sheet, notes=tuple(draft.notes),
    )  # fmt: skip


_DIGITS_ARE_TEXT = ("contact", "address", "government-id", "identity")


def _key_candidates(draft: _Draft, columns: Sequence[ColumnProposal]) -> tuple[str, ...]:
    """Columns that are filled and different in every row looked at, the likeliest first."""
    scored: list[tuple[int, int, str]] = []
    for column in columns:
        values = [row[column.position] for row in draft.sample]
        named = column.name in ("id", "key", "uuid", f"{draft.name}_id", f"{draft.name}id")
        full = [v for v in values if v not in (None, "")]
        # A column called "id" stays the key when a few rows lack it or repeat it: those rows are the mistake.
        least = 0.9 * len(values) if named else len(values)
        if not values or len(full) < least or len(set(full)) < (0.9 * len(full) if named else len(full)):
            continue
        if column.type in ("double", "boolean") or column.finding.category in ("free-text", "health"):
            continue
        words = column.name.split("_")
        score = 9
        if named:
            score = 0
        elif words[-1] in _KEY_WORDS or any(word in column.name for word in _JOINED_KEY_WORDS):
            score = 1
        elif column.finding.category == "contact" and "@" in str(values[0]):
            score = 3
        elif column.type not in ("text", "bigint", "uuid"):
            continue
        elif len(values) < 20:
            continue  # different values in a handful of rows prove nothing
        scored.append((score, column.position, column.name))
    return tuple(name for _, _, name in sorted(scored))


_KEY_WORDS = {"id", "key", "nr", "no", "number", "nummer", "numero", "uuid", "code"}
_JOINED_KEY_WORDS = ("kundennr", "kundennummer", "customerid", "clientid")

_CUSTOMER_WORDS = {
    "customer", "customers", "client", "clients", "contact", "contacts", "person", "persons", "people",
    "member", "members", "subscriber", "subscribers", "user", "users", "kunde", "kunden", "kundin",
    "kontakt", "kontakte", "mitglied", "mitglieder", "clientes", "cliente", "personne", "personnes",
    "persona", "personas", "pessoa", "pessoas", "account", "accounts", "lead", "leads",
}  # fmt: skip


def _linked(
    tables: list[TableProposal], drafts: Sequence[_Draft], known: Sequence[TableInfo]
) -> tuple[list[TableProposal], list[Link]]:
    """Choose the customer table and find the column of each other table that names the customer."""
    links: list[Link] = []
    stored = next((t for t in known if t.customer_table), None)
    chosen = next((t for t in tables if t.customer_table), None)
    if chosen is None and stored is None:

        def people(table: TableProposal) -> tuple[int, int]:
            kinds = {c.finding.category for c in table.columns}
            named = bool(_CUSTOMER_WORDS & set(table.name.split("_")))
            return (2 * named + len(kinds & {"identity", "contact", "address", "birth"}), bool(table.key))

        with_key = [t for t in tables if t.key]
        chosen = max(with_key, key=people, default=None)
        if chosen and people(chosen)[0] == 0 and len(tables) > 1:
            chosen = None
    target_name, target_key = "", ""
    if chosen is not None and chosen.key is not None:
        target_name, target_key = chosen.name, chosen.key
        chosen = replace(chosen, customer_table=True, subject=target_key)
    elif stored is not None:
        target_name, target_key = stored.name, stored.key
    if not target_name:
        return [_keys_as_text(t) for t in tables], links
    parent_values: set[str | None] = set()
    if chosen:
        index = next(i for i, t in enumerate(tables) if t.name == chosen.name)
        position = chosen.column(target_key).position
        if not chosen.rows_exact or chosen.rows == len(drafts[index].sample):
            parent_values = {row[position] for row in drafts[index].sample}
        tables = [chosen if t.name == chosen.name else t for t in tables]
    for number, table in enumerate(tables):
        if table.name == target_name:
            continue
        subject, reason = table.subject, "as in the store"
        if subject is None:
            subject, reason = _subject_of(table, drafts[number], target_name, target_key, parent_values)
        if subject:
            key = None if table.key == subject and table.rows > 1 and not table.rows_exact else table.key
            tables[number] = replace(table, subject=subject, key=key)
            links.append(Link(table.name, subject, target_name, target_key, reason))
    return [_keys_as_text(t) for t in tables], links


def _subject_of(
    table: TableProposal, draft: _Draft, target: str, key: str, parent_values: set[str | None]
) -> tuple[str | None, str]:
    singular = target[:-1] if target.endswith("s") else target
    wanted = {f"{target}_{key}", f"{singular}_{key}", f"{target}_id", f"{singular}_id", f"{singular}{key}",
              "customer_id", "customerid", "customer_no", "customer_number", "client_id", "kunden_id",
              "kundennummer", "kunden_nr", "kundennr", "id_client", "id_cliente", "cliente_id"}  # fmt: skip
    if key not in ("id", "key", "uuid"):
        wanted.add(key)
    for column in table.columns:
        if column.name not in wanted:
            continue
        values = {row[column.position] for row in draft.sample} - {None, ""}
        if parent_values and values:
            hits = len(values & parent_values)
            if hits == 0:
                continue
            return column.name, f"name, and {hits} of {len(values)} sampled values are keys of {target}"
        return column.name, "the name says so"
    return None, ""


def _keys_as_text(table: TableProposal) -> TableProposal:
    """Identity keys are compared byte for byte: their digits are never read as numbers."""
    columns = tuple(
        replace(c, type="text", format="", note="key: kept byte for byte")
        if c.name in (table.key, table.subject) and c.type != "text" and table.format != "parquet"
        else c
        for c in table.columns
    )
    return replace(table, columns=columns)


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _spread(values: Sequence[Any], most: int) -> list[Any]:
    step = max(1, len(values) // most)
    return list(values[::step][:most])


# Types from text ---------------------------------------------------------------------------------

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+([eE][+-]?\d+)?|-?(0|[1-9]\d{0,14})")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DOT_DAY = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")
_SLASH_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_ZONED = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)")


def _infer(values: Sequence[str]) -> tuple[str, str, str]:
    """Type, day pattern and remark for a column of text; a single value that does not fit makes it text."""
    if not values:
        return "text", "", "empty in the sample"

    def all_match(pattern: re.Pattern[str]) -> bool:
        return all(pattern.fullmatch(value) for value in values)

    if all(value.lower() in ("true", "false") for value in values):
        return "boolean", "", ""
    if all_match(_INTEGER):
        return "bigint", "", ""
    if all_match(_DECIMAL):
        return "double", "", ""
    if all_match(_ISO_DAY):
        return "date", "", ""
    if all_match(_INSTANT):
        return "timestamp", "", ""
    if all_match(_ZONED):
        return "timestamptz", "", ""
    if all_match(_DOT_DAY):
        return "date", "%d.%m.%Y", "day.month.year"
    if all_match(_SLASH_DAY):
        pairs = [_SLASH_DAY.fullmatch(value) for value in values]
        firsts = max(int(m[1]) for m in pairs if m)
        seconds = max(int(m[2]) for m in pairs if m)
        if firsts > 12 >= seconds:
            return "date", "%d/%m/%Y", "day/month/year"
        if seconds > 12 >= firsts:
            return "date", "%m/%d/%Y", "month/day/year"
        return "text", "", "a day, but day and month cannot be told apart"
    return "text", "", ""


_SQL_TYPES = {
    "text": "VARCHAR", "bigint": "BIGINT", "integer": "INTEGER", "smallint": "SMALLINT", "double": "DOUBLE",
    "real": "FLOAT", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ", "time": "TIME", "uuid": "UUID", "json": "JSON", "bytes": "BLOB",
}  # fmt: skip


def _sql_type(kind: str) -> str:
    return kind.replace("numeric", "DECIMAL") if kind.startswith("numeric") else _SQL_TYPES.get(kind, "VARCHAR")


# CSV ---------------------------------------------------------------------------------------------


def _look_at_csv(path: Path) -> _Draft:
    scan = _scan(path)
    with path.open("rb") as file:
        raw = file.read(SAMPLE_BYTES)
    whole = len(raw) == scan.size
    text = _decoded(raw, scan.encoding)
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    delimiter, escape, rows = _dialect(text, path, whole)
    header = rows[0]
    if len(header) > COLUMNS:
        raise FileRejected(
            f"{path.name} has {len(header):,} columns; at most {COLUMNS:,} are read",
            remedy="Export only the columns you need, or check that the file has line breaks",
        )
    _check_header(path, rows)
    width = len(header)
    body = [[value or None for value in row] for row in rows[1:] if len(row) == width][:SAMPLE_ROWS]
    notes: list[str] = []
    ragged = sum(1 for row in rows[1:] if len(row) != width)
    if ragged:
        notes.append(
            f"{ragged} of the first {len(rows) - 1} rows have another number of fields; they will be turned away"
        )
    if not whole:
        body += _spread_rows(path, scan, delimiter, escape, width)
    if scan.encoding in ("latin-1", "cp1252"):
        notes.append("not UTF-8; read as Windows-1252: look at names with accents before you load")
    body = [row for row in body if any(value for value in row)]
    if not body:
        raise FileRejected(f"{path.name} has a header and no rows", remedy="Export it again with rows")
    dialect = Dialect(delimiter, '"', escape, scan.encoding, scan.lines, scan.mixed_breaks)
    return _Draft(path, "csv", header, body, len(rows) - 1 if whole else max(scan.lines - 1, 0), whole,
                  scan.digest, dialect=dialect, notes=notes)  # fmt: skip


class _Scan(NamedTuple):
    size: int
    lines: int
    digest: str
    encoding: str
    mixed_breaks: bool


def _scan(path: Path) -> _Scan:
    """One pass over the bytes in constant memory: digest, lines, encoding, lines that are too long."""
    digest = hashlib.sha256()
    size = lines = returns = 0
    since_newline = 0
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    multibyte = False
    broken_line = 0
    c1 = False
    wide = ""
    last = b""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(4 << 20):
            if not size and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                wide, utf8 = "utf-16", None
            if not wide and b"\0" in chunk:
                line = lines + chunk[: chunk.index(b"\0")].count(b"\n") + 1
                raise FileRejected(
                    f"{path.name} line {line:,} holds a zero byte, so it is not text",
                    remedy="Export it as CSV in UTF-8; if it is UTF-16, save it with its byte order mark",
                )
            if utf8 is not None:
                if not chunk.isascii():
                    multibyte = True
                try:
                    utf8.decode(chunk)
                except UnicodeDecodeError as error:
                    broken_line = lines + chunk[: max(error.start, 0)].count(b"\n") + 1
                    utf8 = None
            if not wide and not chunk.isascii() and not c1:
                c1 = any(byte in chunk for byte in _C1)
            longest_at = _too_long(chunk, since_newline)
            if longest_at is not None:
                raise FileRejected(
                    f"{path.name} line {lines + chunk[:longest_at].count(_NEWLINE) + 1:,} is longer than "
                    f"{LINE_BYTES >> 20} MiB; a field may have {FIELD_BYTES >> 20} MiB",
                    remedy="Check for a missing line break or an unclosed quote on the line before",
                )
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            cut = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            since_newline = since_newline + len(chunk) if cut < 0 else len(chunk) - cut - 1
            last = chunk[-1:]
    mixed = bool(lines and returns and lines != returns)
    lines = lines or returns
    if last not in (b"\n", b"\r"):
        lines += 1
    if wide:
        return _Scan(size, lines, digest.hexdigest(), wide, mixed)
    if utf8 is not None:
        with path.open("rb") as file:
            marked = file.read(3) == codecs.BOM_UTF8
        return _Scan(size, lines, digest.hexdigest(), "utf-8-sig" if marked else "utf-8", mixed)
    if broken_line and _mostly_utf8(path):
        raise FileRejected(
            f"{path.name} line {broken_line:,} holds bytes that are not UTF-8, other lines are UTF-8",
            remedy="Open the file at that line and save the whole file as UTF-8",
        )
    _ = multibyte
    return _Scan(size, lines, digest.hexdigest(), "cp1252" if c1 else "latin-1", mixed)


_NEWLINE = b"\n"
_C1 = bytes(range(0x80, 0xA0))


def _too_long(chunk: bytes, before: int) -> int | None:
    """Where in the chunk a line passes the limit, or None. Looks only at places one limit apart."""
    start = -before
    while True:
        end = start + LINE_BYTES
        if end >= len(chunk):
            return None
        low = max(start, 0)
        cut = max(chunk.rfind(b"\n", low, end + 1), chunk.rfind(b"\r", low, end + 1))
        if cut < 0:
            return low
        start = cut + 1


def _mostly_utf8(path: Path) -> bool:
    """Whether the file's bytes beyond ASCII are UTF-8 sequences more often than not."""
    good = bad = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if chunk.isascii():
                continue
            for run in re.findall(rb"[\x80-\xff]+", chunk):
                try:
                    run.decode("utf-8")
                    good += 1
                except UnicodeDecodeError:
                    bad += 1
            if good + bad > 100_000:
                break
    return good > bad


def _decoded(raw: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)(errors="strict").decode(raw)


_FIELD_LIMIT = threading.Lock()


@contextmanager
def _field_limit() -> Iterator[None]:
    """The csv module's limit is one for the whole process; raise it for a moment only."""
    with _FIELD_LIMIT:
        before = csv.field_size_limit(LINE_BYTES)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _dialect(text: str, path: Path, whole: bool) -> tuple[str, str, list[list[str]]]:
    """Delimiter, escape character and the rows of the sample.

    The delimiter is the one that gives the most rows the same number of fields, more than one.
    """
    escape = "\\" if '\\"' in text and '""' not in text else '"'
    best: tuple[tuple[float, int], str, list[list[str]]] | None = None
    for delimiter in (",", ";", "\t", "|"):
        rows = _parse(text, delimiter, escape, whole)
        if not rows:
            continue
        width = len(rows[0])
        if width < 2:
            continue
        looked = rows[:1_000]
        same = sum(1 for row in looked if len(row) == width) / len(looked)
        score = (round(same, 2), width)
        if best is None or score > best[0]:
            best = (score, delimiter, rows)
    if text.count('"') % 2 and (best is None or len(best[2]) < 2):
        raise FileRejected(
            f"{path.name} line 1: a quote is opened and never closed",
            remedy="Close the quote, or double quotes that belong to the text",
        )
    if best is not None and best[0][0] >= 0.5:
        return best[1], escape, best[2]
    rows = _parse(text, ",", escape, whole)
    if not rows:
        raise FileRejected(
            f"{path.name} line 1 has no end within {SAMPLE_BYTES >> 20} MiB", remedy="Check its line breaks and quotes"
        )
    if best is not None:
        raise FileRejected(
            f"{path.name}: the rows have different numbers of fields, whichever delimiter is tried",
            remedy="Export it again with one delimiter, and quotes around fields that contain it",
        )
    return ",", escape, rows


def _parse(text: str, delimiter: str, escape: str, whole: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    with _field_limit():
        reader = csv.reader(
            text.splitlines(keepends=True) if "\r" in text else text.split("\n"),
            delimiter=delimiter,
            quotechar='"',
            doublequote=escape == '"',
            escapechar=None if escape == '"' else escape,
            strict=False,
        )
        try:
            for row in reader:
                if row:
                    rows.append(row)
                if len(rows) > SAMPLE_ROWS:
                    return rows
        except csv.Error:
            return rows
    return rows if whole or len(rows) < 2 else rows[:-1]


def _spread_rows(path: Path, scan: _Scan, delimiter: str, escape: str, width: int) -> list[list[str | None]]:
    """Rows from later parts of the file: a type that changes late should be seen in the proposal."""
    found: list[list[str | None]] = []
    if scan.encoding.startswith("utf-16"):
        return found
    ends = [scan.size * part // SPREAD_CHUNKS for part in range(1, SPREAD_CHUNKS + 1)]
    with path.open("rb") as file:
        for offset in sorted({end - SPREAD_BYTES for end in ends if end - SPREAD_BYTES >= SAMPLE_BYTES}):
            file.seek(offset)
            lines = file.read(SPREAD_BYTES).split(b"\n")[1:-1]
            text = b"\n".join(lines).decode(scan.encoding.replace("-sig", ""), errors="replace")
            for row in _parse(text, delimiter, escape, whole=False):
                if len(row) == width:
                    found.append([value.rstrip("\r") or None for value in row])
    return found


def _check_header(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """A first row that looks like all the others is data: the header is missing."""
    header, body = rows[0], [row for row in rows[1:200] if len(row) == len(rows[0])]
    if not any(cell.strip() for cell in header):
        raise FileRejected(f"{path.name} line 1 is blank; a header is needed", remedy="Put column names on line 1")
    if not body:
        return
    typed = [_infer([row[i] for row in body if row[i]])[0] for i in range(len(header))]
    own = [_infer([cell])[0] if cell else "text" for cell in header]
    same = [i for i, kind in enumerate(typed) if kind != "text" and own[i] == kind]
    at_sign = any("@" in cell for cell in header)
    numbered = sum(kind != "text" for kind in typed)
    if at_sign or (numbered and len(same) == numbered and len(same) * 3 >= len(header)):
        raise FileRejected(
            f"{path.name} line 1 looks like data, not like column names", remedy="Put column names on line 1"
        )


def _words_for(dialect: Dialect) -> str:
    shown = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[dialect.delimiter]
    names = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}
    return f"{shown}, {names.get(dialect.encoding, 'Windows-1252')}"


# Parquet -----------------------------------------------------------------------------------------


def _look_at_parquet(path: Path) -> _Draft:
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            if len(names) > COLUMNS:
                raise FileRejected(f"{path.name} has {len(names):,} columns; at most {COLUMNS:,} are read")
            total = file.metadata.num_rows
            batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise FileRejected(
            f"{path.name} says it is Parquet but cannot be read ({type(error).__name__})",
            remedy="It may be cut off: copy or export it again",
        ) from None
    if not total or batch is None:
        raise FileRejected(f"{path.name} has no rows", remedy="Export it again with rows")
    with duckdb.connect() as con:
        described = con.execute(f"DESCRIBE SELECT * FROM read_parquet({_pattern(path)})").fetchall()
    types = [canonical_type(row[1]) for row in described]
    sample = [[None if v is None else str(v) for v in column.to_pylist()] for column in batch.columns]
    return _Draft(path, "parquet", names, [list(row) for row in zip(*sample, strict=True)], total, True,
                  _digest(path), types=types)  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Excel -------------------------------------------------------------------------------------------


def _look_at_xlsx(path: Path) -> _Draft:
    _check_zip(path)
    sheet, rows = _sheet_rows(path)
    header = [cell or "" for cell in next(rows, [])]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise FileRejected(f"{path.name}, sheet {sheet}: line 1 is blank", remedy="Put column names on line 1")
    if len(header) > COLUMNS:
        raise FileRejected(f"{path.name} has {len(header):,} columns; at most {COLUMNS:,} are read")
    width = len(header)
    body: list[list[str | None]] = []
    count = 0
    for row in rows:
        if any(row):
            count += 1
            if len(body) < SAMPLE_ROWS:
                body.append(_fitted(row, width))
    if not body:
        raise FileRejected(f"{path.name}, sheet {sheet} has a header and no rows")
    _check_header(path, [header, *[[v or "" for v in row] for row in body[:200]]])
    return _Draft(path, "xlsx", header, body, count, True, _digest(path), sheet=sheet)


def _check_zip(path: Path) -> None:
    """Sizes and document types, before any parser sees the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise FileRejected(f"{path.name} is a zip archive, not an Excel file", remedy="Unpack it first")
            total = sum(entry.file_size for entry in entries)
            packed = sum(entry.compress_size for entry in entries) or 1
            strings = sum(e.file_size for e in entries if e.filename.lower().endswith("sharedstrings.xml"))
            if (
                len(entries) > ZIP_ENTRIES
                or total > ZIP_BYTES
                or strings > ZIP_STRINGS_BYTES
                or (total > 10 << 20 and total / packed > ZIP_RATIO)
            ):
                raise FileRejected(
                    f"{path.name} unpacks to {total >> 20:,} MiB in {len(entries):,} parts, "
                    "more than is read from Excel",
                    remedy="Export large tables as CSV or Parquet",
                )
            for entry in entries:
                if entry.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        start = part.read(4096).replace(b"\0", b"").upper()
                    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                        raise FileRejected(
                            f"{path.name} declares a document type inside, which Excel never writes",
                            remedy="Do not open it; ask where it came from",
                        )
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise FileRejected(f"{path.name} is a damaged zip or Excel file", remedy="Copy or save it again") from None


def _sheet_rows(path: Path) -> tuple[str, Iterator[list[str | None]]]:
    import openpyxl  # heavy, and only Excel needs it
    from openpyxl import DEFUSEDXML

    if not DEFUSEDXML:
        raise FileRejected("Excel files are read only with defusedxml installed", remedy="pip install defusedxml")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says about its own size may be wrong
    except Exception as error:  # openpyxl lets any parser error through
        raise FileRejected(
            f"{path.name} cannot be read as Excel ({type(error).__name__})", remedy="Open it in Excel and save it again"
        ) from None

    def rows() -> Iterator[list[str | None]]:
        try:
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
                if len(row) > COLUMNS * 2:
                    raise FileRejected(f"{path.name} row {number} has {len(row):,} cells")
                yield [_cell(value) for value in row]
        except FileRejected:
            raise
        except Exception as error:
            raise FileRejected(
                f"{path.name}, sheet {sheet.title} breaks off ({type(error).__name__})",
                remedy="Open it in Excel and save it again",
            ) from None
        finally:
            book.close()

    return str(sheet.title), rows()


def _cell(value: object) -> str | None:
    """A cell as the text an import would have found in a CSV file."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        if value.time() == datetime.min.time():
            return value.date().isoformat()
        return value.isoformat(sep=" ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _fitted(row: Sequence[str | None], width: int) -> list[str | None]:
    return [*row[:width], *[None] * (width - len(row))]


# Load --------------------------------------------------------------------------------------------


def load(
    source: DuckDBSource,
    proposal: Proposal,
    *,
    progress: Progress | None = None,
    rejected_to: str | Path | None = None,
    today: date | None = None,
    most_rejected: float = MOST_REJECTED,
    erased: Recogniser | None = None,
) -> Loaded:
    """Load all tables of the proposal, or nothing.

    Args:
        progress: called with words and a share from 0 to 1.
        rejected_to: folder for the lists of rejected rows; default: beside each file.
        today: the last day a birth or consent may lie on; default: today in UTC.
        most_rejected: share of rows that may be turned away before the whole import is.
        erased: knows people who were erased; their rows are left out and counted. None: there are none.

    Raises:
        FileRejected: too many rows do not fit, a file changed since it was proposed, or no column
            identifies a customer. The list of rejected rows is written even then.
    """
    last_day = today or datetime.now(UTC).date()
    known = source.catalogue()
    aligned = [_as_stored(table, known) for table in proposal.tables]
    tables = sorted(aligned, key=lambda table: not table.customer_table)
    stored = next((t for t in known if t.customer_table), None)
    if stored is None and not any(t.customer_table and t.key for t in tables):
        raise FileRejected(
            "no file holds the customers with a key that identifies them",
            remedy="Say which: --customers TABLE --key COLUMN",
        )
    for table in tables:
        if table.customer_table and stored is not None and stored.name != table.name:
            raise FileRejected(
                f"the store's customers are in {stored.name}, not in {table.name}",
                remedy=f"Import the file as {stored.name}, or as a table of their rows",
            )
        if not table.customer_table and table.subject is None:
            raise FileRejected(
                f"{table.name} has no column that names the customer its rows belong to",
                remedy="Say which: --subject COLUMN; rows that belong to nobody cannot be governed",
            )
    say = progress or (lambda words, share: None)
    done: list[LoadedTable] = []
    with source.writing() as con:
        for number, table in enumerate(tables):
            say(f"loading {table.name}", number / len(tables))
            folder = Path(rejected_to) if rejected_to is not None else table.path.parent
            done.append(_load_table(source, con, table, folder, last_day, most_rejected, erased))
        if erased is not None:
            leaving_out.forget(con)
        customers = source.renumber(con)
        say("writing", 0.95)
    say("done", 1.0)
    return Loaded(tuple(done), customers)


def _as_stored(table: TableProposal, known: Sequence[TableInfo]) -> TableProposal:
    """A file that comes again keeps the key, the role and the types its table has in the store."""
    before = next((t for t in known if t.name == table.name), None)
    if before is None:
        return table
    types = {column.name: column.type for column in before.columns}
    if before.key not in {column.name for column in table.columns}:
        raise FileRejected(
            f"{table.path.name} lacks the column {before.key}, which names the customer in {table.name}",
            remedy="Export it with that column, or import it under another name",
        )
    columns = tuple(
        replace(c, type=types[c.name], format=c.format if types[c.name] == c.type else "")
        if c.name in types and types[c.name] != c.type
        else c
        for c in table.columns
    )
    return replace(
        table,
        columns=columns,
        customer_table=before.customer_table,
        subject=before.key,
        key=before.key if before.customer_table else table.key,
    )


def _load_table(
    source: DuckDBSource,
    con: duckdb.DuckDBPyConnection,
    table: TableProposal,
    folder: Path,
    last_day: date,
    most_rejected: float,
    erased: Recogniser | None,
) -> LoadedTable:
    stage = f"{BASE}.{_STAGE}"
    con.execute(f"DROP TABLE IF EXISTS {stage}")
    rejects = _stage(con, table, stage)
    staged = _count(con, f"SELECT count(*) FROM {stage}")
    _check_complete(table, rejects, staged)
    bad = _bad_rows(con, table, stage, last_day)
    lines = _lines(table, bad, rejects, staged)
    problems = sorted({*rejects, *((lines[row], column, reason) for row, column, reason in bad)})
    rejected = len({line for line, _, _ in problems})
    rejected_file = None
    if problems:
        rejected_file = _write_rejected(folder, table, problems)
    if rejected > most_rejected * max(staged + len({line for line, _, _ in rejects}), 1):
        line, column, reason = next((p for p in problems if p[0]), problems[0])
        where = f" column {column}" if column else ""
        raise FileRejected(
            f"{table.path.name}: {rejected:,} rows do not fit, first line {line:,}{where}: {reason}; "
            "nothing was loaded",
            remedy=f"See {rejected_file}; change the column's type with --type, or mend the file",
        )
    if bad:
        con.execute(f"DELETE FROM {stage} WHERE {NUMBER} IN (SELECT row FROM rf_bad)")
    left = LeftOut()
    if erased is not None:
        customers = next((t for t in source.catalogue_in(con) if t.customer_table), None)
        left = leaving_out.leave_out(con, table, stage, customers, erased)
    _convert(con, table, stage)
    notes = _variant_note(con, table, stage)
    result = _put(source, con, table, stage, dropped=bool(bad) or bool(left.rows))
    con.execute(
        f"INSERT INTO {META}.imports VALUES (?, ?, ?, ?, ?, ?)",
        [uuid4().hex, table.name, table.digest, datetime.now(UTC), result.rows, rejected],
    )
    notes = (*result.notes, *notes)
    return replace(result, rejected=rejected, rejected_file=rejected_file, notes=notes, left_out=left)


_Problem = tuple[int, str, str]


def _stage(con: duckdb.DuckDBPyConnection, table: TableProposal, stage: str) -> set[_Problem]:
    """Read the file into a table of its own, `rf_no` = position in the file. Returns what the reader rejected."""
    named = ", ".join(f"c{c.position} AS {quoted_name(c.name)}" for c in table.columns)
    select = f"SELECT (row_number() OVER () - 1)::UINTEGER AS {NUMBER}, {named} FROM "
    if table.format == "parquet":
        if _digest(table.path) != table.digest:
            raise _changed(table)
        as_text = {c.name for c in table.columns if c.name in (table.key, table.subject) or c.type == "other"}
        wanted = ", ".join(
            f"{quoted_name(c.original)}{'::VARCHAR' if c.name in as_text else ''} AS {quoted_name(c.name)}"
            for c in table.columns
        )
        con.execute(
            f"CREATE TABLE {stage} AS SELECT (row_number() OVER () - 1)::UINTEGER AS {NUMBER}, {wanted} "
            f"FROM read_parquet({_pattern(table.path)})"
        )
        return set()
    if table.format == "xlsx":
        if _digest(table.path) != table.digest:
            raise _changed(table)
        con.register("rf_sheet", _sheet_batches(table))
        con.execute(f"CREATE TABLE {stage} AS {select} rf_sheet")
        con.unregister("rf_sheet")
        return set()
    dialect = table.dialect
    if dialect is None:
        raise FileRejected(f"{table.path.name}: the proposal does not say how the CSV is written")
    if _digest(table.path) != table.digest:
        raise _changed(table)
    types = ", ".join(
        f"'c{c.position}': '{'VARCHAR' if c.format or c.type == 'json' else _sql_type(c.type)}'" for c in table.columns
    )
    trouble: FileRejected | None = None
    with _readable(table.path, dialect) as (path, encoding):
        try:
            con.execute(
                f"CREATE TABLE {stage} AS {select} read_csv({_pattern(path)}, auto_detect = false, header = true, "
                f"delim = {quoted_text(dialect.delimiter)}, quote = '\"', escape = {quoted_text(dialect.escape)}, "
                f"encoding = '{encoding}', dateformat = '%Y-%m-%d', columns = {{{types}}}, "
                f"max_line_size = {LINE_BYTES}, store_rejects = true, rejects_table = 'rf_rejects', "
                "rejects_scan = 'rf_scans', rejects_limit = 0, strict_mode = true)"
            )
        except duckdb.InvalidInputException as error:  # its text quotes the line
            error.args = (type(error).__name__,)
            trouble = _unreadable(table, dialect)
    if trouble is not None:
        raise trouble
    try:
        found = con.execute("SELECT line, column_name, error_type FROM rf_rejects").fetchall()
    except duckdb.CatalogException:  # no row was turned away
        return set()
    by_position = {f"c{c.position}": c for c in table.columns}
    problems: set[_Problem] = set()
    for line, name, kind in found:
        column = by_position.get(name or "")
        reason = _REJECTS.get(kind, "cannot be read")
        if kind == "CAST" and column:
            reason = f"not a {column.type}"
        problems.add((int(line), column.name if column and kind == "CAST" else "", reason))
    for leftover in ("rf_rejects", "rf_scans"):
        con.execute(f"DROP TABLE IF EXISTS {leftover}")
    return problems


def _unreadable(table: TableProposal, dialect: Dialect) -> FileRejected:
    """Which line the engine stumbled over: the start of the first record that is too long."""
    start = 1
    with _field_limit(), table.path.open(encoding=dialect.encoding, errors="replace", newline="") as file:
        reader = _reader(file, dialect)
        try:
            for row in reader:
                if sum(map(len, row)) > LINE_BYTES:
                    break
                start = reader.line_num + 1
            else:
                start = 0
        except csv.Error:
            pass
    where = f" line {start:,}" if start else ""
    return FileRejected(
        f"{table.path.name}{where} cannot be read: a quote is opened and not closed, or a row is too long",
        remedy=f"Close the quote, or keep rows below {LINE_BYTES >> 20} MiB; nothing was loaded",
    )


def _check_complete(table: TableProposal, rejects: set[_Problem], staged: int) -> None:
    """No row may get lost between the file and the engine without being on the list of rejected rows.

    Where the count of lines does not prove it (blank lines, line breaks in fields), the file is read
    a second time by another reader.
    """
    dialect = table.dialect
    if dialect is None:
        if staged < table.rows:
            raise FileRejected(f"{table.path.name}: only {staged:,} of {table.rows:,} rows could be read")
        return
    lines = {line for line, _, _ in rejects}
    if staged + len(lines) + 1 >= dialect.lines:
        return
    if any(reason in _SWALLOWS for _, _, reason in rejects):
        return  # a broken quote runs over the lines after it; the list names where it starts
    records = -1
    try:
        with _field_limit(), table.path.open(encoding=dialect.encoding, errors="replace", newline="") as file:
            for row in _reader(file, dialect):
                records += bool(row)
    except csv.Error:
        raise _unreadable(table, dialect) from None
    if staged + len(lines) < records:
        raise FileRejected(
            f"{table.path.name}: only {staged + len(lines):,} of {records:,} rows could be read; nothing was loaded",
            remedy="Save the file with one kind of line break",
        )


def _reader(file: Any, dialect: Dialect) -> Any:
    return csv.reader(
        file,
        delimiter=dialect.delimiter,
        quotechar='"',
        doublequote=dialect.escape == '"',
        escapechar=None if dialect.escape == '"' else dialect.escape,
    )


_REJECTS = {
    "MISSING COLUMNS": "fields are missing on this line",
    "TOO MANY COLUMNS": "the line has more fields than the header",
    "UNQUOTED VALUE": "a quote stands where none may stand, or is never closed",
    "LINE SIZE OVER MAXIMUM": f"the line is longer than {LINE_BYTES >> 20} MiB",
    "INVALID ENCODING": "the line is not in the file's encoding",
    "INVALID STATE": "quotes or delimiters are broken",
}


_SWALLOWS = (_REJECTS["UNQUOTED VALUE"], _REJECTS["LINE SIZE OVER MAXIMUM"], _REJECTS["INVALID STATE"])


def _bad_rows(
    con: duckdb.DuckDBPyConnection, table: TableProposal, stage: str, last_day: date
) -> list[tuple[int, str, str]]:
    """Rows that were read and still may not enter: no key, not convertible, in the future, key twice."""
    con.execute("CREATE OR REPLACE TEMP TABLE rf_bad (row UINTEGER, field TEXT, reason TEXT)")
    for column in table.columns:
        name = quoted_name(column.name)
        conversion = _conversion(table, column)
        if conversion:
            con.execute(
                f"INSERT INTO rf_bad SELECT {NUMBER}, ?, ? FROM {stage} "
                f"WHERE {name} IS NOT NULL AND {conversion} IS NULL",
                [column.name, f"not a {column.type}"],
            )
        if column.type in ("date", "timestamp", "timestamptz") and column.finding.category in (
            "birth",
            "consent-status",
        ):
            con.execute(
                f"INSERT INTO rf_bad SELECT {NUMBER}, ?, ? FROM {stage} WHERE {conversion or name} >= ?::DATE + 1",
                [column.name, f"lies in the future (after {last_day.isoformat()})", last_day],
            )
        if table.format == "parquet" and column.type == "text":
            con.execute(
                f"INSERT INTO rf_bad SELECT {NUMBER}, ?, ? FROM {stage} WHERE strlen({name}) > {FIELD_BYTES}",
                [column.name, f"longer than {FIELD_BYTES >> 20} MiB"],
            )
    must = {name for name in (table.subject, table.key if table.customer_table else None) if name}
    for missing in sorted(must):
        con.execute(
            f"INSERT INTO rf_bad SELECT {NUMBER}, ?, ? FROM {stage} WHERE {quoted_name(missing)} IS NULL",
            [missing, "the key is missing"],
        )
    if table.key:
        key = quoted_name(table.key)
        rows, different = con.execute(f"SELECT count({key}), count(DISTINCT {key}) FROM {stage}").fetchone() or (0, 0)
        if rows != different:
            everything = ", ".join(quoted_name(c.name) for c in table.columns)
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE rf_twice AS SELECT {NUMBER}, {key} AS k, hash({everything}) AS h "
                f"FROM {stage} WHERE {key} IN "
                f"(SELECT {key} FROM {stage} WHERE {key} IS NOT NULL GROUP BY 1 HAVING count(*) > 1)"
            )
            con.execute(
                f"INSERT INTO rf_bad SELECT t.{NUMBER}, ?, "
                "CASE WHEN g.kinds = 1 THEN 'the same row stands in the file before' "
                "ELSE 'the key stands on several different rows; none is taken' END "
                f"FROM rf_twice t JOIN (SELECT k, count(DISTINCT h) AS kinds, min({NUMBER}) AS first "
                "FROM rf_twice GROUP BY k) g "
                f"ON t.k = g.k WHERE g.kinds > 1 OR t.{NUMBER} <> g.first",
                [table.key],
            )
    return con.execute("SELECT row, field, reason FROM rf_bad").fetchall()


def _conversion(table: TableProposal, column: ColumnProposal) -> str:
    """SQL that turns the staged text into the column's type, NULL where it does not fit; "" if it has it."""
    name = quoted_name(column.name)
    if table.format == "parquet":
        return ""
    if column.format:
        return f"try_strptime({name}, {quoted_text(column.format)})::DATE"
    if column.type == "json" or (table.format == "xlsx" and column.type not in ("text", "other")):
        return f"TRY_CAST({name} AS {_sql_type(column.type)})"
    return ""


def _convert(con: duckdb.DuckDBPyConnection, table: TableProposal, stage: str) -> None:
    for column in table.columns:
        conversion = _conversion(table, column)
        if conversion:
            con.execute(
                f"ALTER TABLE {stage} ALTER COLUMN {quoted_name(column.name)} SET DATA TYPE {_sql_type(column.type)} "
                f"USING {conversion}"
            )


def _variant_note(con: duckdb.DuckDBPyConnection, table: TableProposal, stage: str) -> tuple[str, ...]:
    """Keys that would be one if case, spaces or Unicode forms were ignored: shown, never merged."""
    if not table.customer_table or not table.key:
        return ()
    key = quoted_name(table.key)
    folded = f"lower(trim(nfc_normalize({key}::VARCHAR)))"
    if not _count(con, f"SELECT count(*) FROM (SELECT 1 FROM {stage} WHERE {key} <> {folded} LIMIT 1)"):
        return ()
    groups = _count(
        con, f"SELECT count(*) FROM (SELECT {folded} FROM {stage} GROUP BY 1 HAVING count(DISTINCT {key}) > 1)"
    )
    if not groups:
        return ()
    return (f"{groups:,} groups of keys differ only in case, spaces or Unicode form; they stay separate customers",)


def _put(
    source: DuckDBSource,
    con: duckdb.DuckDBPyConnection,
    table: TableProposal,
    stage: str,
    *,
    dropped: bool,
) -> LoadedTable:
    """Make the staged rows the table, or merge them into it; numbers and flags of known customers stay."""
    before = next((t for t in source.catalogue_in(con) if t.name == table.name), None)
    state = source.flags_in(con)
    flags = [quoted_name(flag) for flag in (state.columns if state else ())]
    target = f"{BASE}.{quoted_name(table.name)}"
    fresh = f"{BASE}.rf_fresh"
    names = [quoted_name(c.name) for c in table.columns]
    listed = ", ".join(f"s.{name}" for name in names)
    falses = "".join(f", false AS {flag}" for flag in flags)
    con.execute(f"DROP TABLE IF EXISTS {fresh}")
    known = vanished = 0
    notes: list[str] = []
    if table.customer_table:
        key = quoted_name(table.key or "")
        top = _count(con, f"SELECT coalesce(max(numbers), 0) FROM {META}.numbers")
        if before is None and not dropped and not flags and not top:
            con.execute(f"ALTER TABLE {stage} RENAME TO {quoted_name(table.name)}")  # positions are the numbers
        elif before is None:
            con.execute(
                f"CREATE TABLE {fresh} AS SELECT ({top:d} + row_number() OVER (ORDER BY s.{NUMBER}) - 1)::UINTEGER "
                f"AS {NUMBER}, {listed}{falses} FROM {stage} s ORDER BY s.{NUMBER}"
            )
        else:
            old_names = [quoted_name(c.name) for c in before.columns]
            everything = [*old_names, *(n for n in names if n not in old_names)]
            notes += _column_notes(before, table)
            known = _count(con, f"SELECT count(*) FROM {target} o JOIN {stage} s ON o.{key} = s.{key}")
            vanished = before.rows - known
            chosen = ", ".join(
                (f"CASE WHEN s.{NUMBER} IS NULL THEN o.{n} ELSE s.{n} END AS {n}" if n in old_names else f"s.{n}")
                if n in names
                else f"o.{n}"
                for n in everything
            )
            new_values = ", ".join(f"s.{n}" if n in names else f"NULL AS {n}" for n in everything)
            kept = "".join(f", o.{flag}" for flag in flags)
            con.execute(
                f"CREATE TABLE {fresh} AS SELECT * FROM (SELECT o.{NUMBER}, {chosen}{kept} FROM {target} o "
                f"LEFT JOIN {stage} s ON o.{key} = s.{key} UNION ALL "
                f"SELECT ({top:d} + row_number() OVER (ORDER BY s.{NUMBER}) - 1)::UINTEGER, {new_values}{falses} "
                f"FROM {stage} s ANTI JOIN {target} o ON o.{key} = s.{key}) ORDER BY {NUMBER}"
            )
        if vanished:
            notes.append(f"{vanished:,} customers of the store are not in the file; they were kept")
    else:
        known, vanished = _put_rows(source, con, table, stage, fresh, before, flags, names, notes)
    if _count(con, f"SELECT count(*) FROM duckdb_tables() WHERE schema_name = '{BASE}' AND table_name = 'rf_fresh'"):
        con.execute(f"DROP TABLE IF EXISTS {target}")
        con.execute(f"ALTER TABLE {fresh} RENAME TO {quoted_name(table.name)}")
    rows = _count(con, f"SELECT count(*) FROM {target}")
    loaded = rows - vanished
    con.execute(f"DROP TABLE IF EXISTS {stage}")
    source.register_table(con, table.name, key=table.subject or table.key or "", customer_table=table.customer_table)
    if table.customer_table:
        con.execute(f"DELETE FROM {META}.numbers")
        con.execute(
            f"INSERT INTO {META}.numbers SELECT greatest({top:d}, coalesce(max({NUMBER}) + 1, 0)) FROM {target}"
        )
    unlinked = _count(con, f"SELECT count(*) FROM {target} WHERE {NUMBER} IS NULL")
    if unlinked:
        notes.append(f"{unlinked:,} rows name a customer the store does not know; they are never returned")
    return LoadedTable(table.name, rows, loaded - known, known, vanished, 0, None, unlinked, tuple(notes))


def _put_rows(
    source: DuckDBSource,
    con: duckdb.DuckDBPyConnection,
    table: TableProposal,
    stage: str,
    fresh: str,
    before: TableInfo | None,
    flags: Sequence[str],
    names: Sequence[str],
    notes: list[str],
) -> tuple[int, int]:
    """Rows that belong to customers: number and flags come from the customer's own row."""
    customers = next((t for t in source.catalogue_in(con) if t.customer_table), None)
    if customers is None:
        raise FileRejected(f"{table.name} cannot be loaded before the customers are")
    parent = f"{BASE}.{quoted_name(customers.name)}"
    subject = quoted_name(table.subject or "")
    target = f"{BASE}.{quoted_name(table.name)}"
    copied = "".join(f", coalesce(c.{flag}, false) AS {flag}" for flag in flags)
    known = vanished = 0
    if before is not None and table.key and table.key in {c.name for c in before.columns}:
        key = quoted_name(table.key)
        known = _count(con, f"SELECT count(*) FROM {target} o SEMI JOIN {stage} s ON o.{key} = s.{key}")
        vanished = before.rows - known
        old_names = [quoted_name(c.name) for c in before.columns]
        everything = [*old_names, *(n for n in names if n not in old_names)]
        notes += _column_notes(before, table)
        from_old = ", ".join(f"o.{n}" if n in old_names else f"NULL AS {n}" for n in everything)
        from_new = ", ".join(f"s.{n}" if n in names else f"o.{n}" for n in everything)
        rows = (
            f"SELECT {from_old} FROM {target} o ANTI JOIN {stage} s ON o.{key} = s.{key} UNION ALL "
            f"SELECT {from_new} FROM {stage} s LEFT JOIN {target} o ON o.{key} = s.{key}"
        )
        if vanished:
            notes.append(f"{vanished:,} rows of the store are not in the file; they were kept")
    else:
        if before is not None:
            notes.append(f"no key identifies a row, so the file replaced all {before.rows:,} rows")
        everything = list(names)
        rows = f"SELECT {', '.join(names)} FROM {stage}"
    wanted = ", ".join(f"r.{n}" for n in everything)
    con.execute(
        f"CREATE TABLE {fresh} AS SELECT c.{NUMBER}, {wanted}{copied} FROM ({rows}) r "
        f"LEFT JOIN {parent} c ON r.{subject} = c.{quoted_name(customers.key)} ORDER BY c.{NUMBER} NULLS LAST"
    )
    return known, vanished


def _column_notes(before: TableInfo, table: TableProposal) -> list[str]:
    old, new = {c.name for c in before.columns}, {c.name for c in table.columns}
    notes = []
    if old - new:
        notes.append(f"not in the file, kept as they were: {', '.join(sorted(old - new))}")
    if new - old:
        notes.append(f"new columns: {', '.join(sorted(new - old))}; they cannot be used until classified")
    return notes


def _sheet_batches(table: TableProposal) -> pa.RecordBatchReader:
    width = len(table.columns)
    schema = pa.schema([(f"c{c.position}", pa.string()) for c in table.columns])
    _, rows = _sheet_rows(table.path)
    next(rows, None)

    def batches() -> Iterator[pa.RecordBatch]:
        filled = (_fitted(row, width) for row in rows if any(row))
        while chunk := list(itertools.islice(filled, 8_192)):
            yield pa.record_batch([pa.array(column, pa.string()) for column in zip(*chunk, strict=True)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _lines(
    table: TableProposal, bad: Sequence[tuple[int, str, str]], rejects: set[_Problem], staged: int
) -> dict[int, int]:
    """Line in the file for each bad row. Positions count only rows the reader took."""
    wanted = sorted({row for row, _, _ in bad})
    if not wanted:
        return {}
    if table.format != "csv" or table.dialect is None:
        return {row: row + 2 for row in wanted}  # the header is row 1
    rejected_lines = sorted({line for line, _, _ in rejects})
    if table.dialect.lines == staged + len(rejected_lines) + 1:
        found = {}
        for row in wanted:
            line = row + 2
            for rejected in rejected_lines:
                if rejected > line:
                    break
                line += 1
            found[row] = line
        return found
    return _lines_by_reading(table, set(wanted), set(rejected_lines))


def _lines_by_reading(table: TableProposal, wanted: set[int], rejected: set[int]) -> dict[int, int]:
    """Fields with line breaks in them: only reading again tells where a row starts."""
    dialect = table.dialect
    found: dict[int, int] = {}
    if dialect is None:
        return found
    with _field_limit(), table.path.open(encoding=dialect.encoding, errors="replace", newline="") as file:
        reader = _reader(file, dialect)
        position, start = -1, 1
        with contextlib.suppress(csv.Error):  # a field without end: the rows before it have their lines
            for row in reader:
                if row and start not in rejected:
                    if position in wanted:
                        found[position] = start
                    position += 1
                start = reader.line_num + 1
    return {row: found.get(row, 0) for row in wanted}


def _write_rejected(folder: Path, table: TableProposal, problems: Sequence[_Problem]) -> Path:
    """The list says where and why; it repeats no data, so it can be passed on."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{table.path.stem}.rejected.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "column", "reason"))
        writer.writerows(problems)
    return target


@contextmanager
def _readable(path: Path, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    """A file the engine reads; one in another encoding, or with mixed line breaks, is copied once,
    readable by us only, and the copy removed."""
    if not dialect.mixed_breaks and dialect.encoding in ("utf-8", "utf-8-sig", "latin-1"):
        yield path, dialect.encoding.removesuffix("-sig")
        return
    handle, name = tempfile.mkstemp(suffix=".csv")
    kept = None if dialect.mixed_breaks else ""  # None: every kind of line break becomes \n
    try:
        with (
            os.fdopen(handle, "w", encoding="utf-8", newline="") as out,
            path.open(encoding=dialect.encoding, newline=kept) as file,
        ):
            while text := file.read(1 << 20):
                out.write(text)
        yield Path(name), "utf-8"
    except UnicodeDecodeError as error:
        raise FileRejected(
            f"{path.name} is not in the encoding its first bytes promise ({error.reason})", remedy="Save it as UTF-8"
        ) from None
    finally:
        os.unlink(name)


def _changed(table: TableProposal) -> FileRejected:
    return FileRejected(
        f"{table.path.name} has changed since it was looked at", remedy="Propose it again, then load it"
    )


def _pattern(path: Path) -> str:
    """The path as SQL text; the engine would read *, ? and [ in it as a pattern."""
    return quoted_text(re.sub(r"([*?\[])", r"[\1]", str(path.absolute())))


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
