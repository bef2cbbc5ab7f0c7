"""Customer data comes in: files into the embedded store, histories into the consent record.

gather   what the files hold, what the policy calls it
decide   which rows can be taken; nothing is guessed
act      load whole or not at all; one ledger entry per import, with digests and counts

Easy to get wrong: a column nobody classified is loaded but can be used by nobody;
the same file imported twice changes nothing.

Sources: GDPR Art. 5(1)(c), 7(1), 17(1), 25(2); cases P10, E12, O14, T08; AC-052, AC-057, AC-059.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rightful.actions.keep_gone import note_new_keys
from rightful.actions.tell_recipients import settle_quietly
from rightful.consent.files import digest_of, settle
from rightful.consent.importing import Erased, Imported, Known, Vocabulary, import_history
from rightful.errors import BadInput, UnknownName
from rightful.gate import gone, stores
from rightful.ledger.database import Conflict, Tx
from rightful.ledger.record import Draft, Entry
from rightful.workspace import CONFIG, Workspace

if TYPE_CHECKING:
    from rightful.sources.contract import TableInfo
    from rightful.sources.importing import Loaded, Proposal

Progress = Callable[[str, float], None]


def propose(paths: list[Path]) -> Proposal:
    """What files would become: tables, keys, links, and what kind of data each column seems to hold."""
    return stores.propose_files(paths)


@dataclass(frozen=True, slots=True)
class Described:
    """Which columns of the customer table hold what the gate has to know; "" where nobody said."""

    email: str
    residence: str
    birth_date: str
    guardian: str


def described(ws: Workspace) -> Described:
    """What is known about the customer table's columns."""
    said = ws.config.get("subject", {})
    return Described(*(str(said.get(name, "")) for name in ("email", "residence", "birth_date", "guardian")))


def describe_customers(
    ws: Workspace, *, email: str = "", residence: str = "", birth_date: str = "", guardian: str = ""
) -> Described:
    """Say which columns hold e-mail address, residence (ISO 3166), birth date and a guardian's e-mail address.

    "" leaves one as it is.

    Without a residence the strictest law applies to everybody, without a birth date nobody's age is known.
    Permissions follow with the next refresh of the source.

    Raises:
        UnknownName: the customer table has no such column.
    """
    columns = [column.name for table in ws.source.catalogue() if table.customer_table for column in table.columns]
    chosen = {"email": email, "residence": residence, "birth_date": birth_date, "guardian": guardian}
    for name in filter(None, chosen.values()):
        if name not in columns:
            raise UnknownName(
                f"the customer table has no column {name}", remedy=f"Its columns: {', '.join(columns) or 'none yet'}"
            )
    ws.config["subject"] = ws.config.get("subject", {}) | {key: name for key, name in chosen.items() if name}
    keep_config(ws)
    return described(ws)


def choose_database(ws: Workspace, *, url_env: str = "", url_file: str = "") -> dict[str, Any]:
    """Say that customer data lies in a PostgreSQL or MariaDB database; counts from the next opening on.

    Args:
        url_env, url_file: where the address is kept; it is never written into the workspace.

    Returns:
        What stood there before, to be put back with `put_back` if the database cannot be attached.

    Raises:
        BadInput: neither or both are named, or the embedded store holds customers already.
    """
    if bool(url_env) == bool(url_file):
        raise BadInput("a database needs one place where its address is kept", remedy="Name --url-env or --url-file")
    before: dict[str, Any] = dict(ws.config["source"])
    if before.get("kind") == "duckdb" and ws.source.catalogue():
        raise BadInput(
            "this workspace has its customers in the embedded store", remedy="`rightful init` another workspace"
        )
    place = {"url_env": url_env} if url_env else {"url_file": str(Path(url_file).resolve())}
    put_back(ws, {"kind": stores.kind_of(place), **place})
    return before


def put_back(ws: Workspace, source: Mapping[str, Any]) -> None:
    """Write which source this workspace has; counts from the next opening on."""
    ws.config["source"] = dict(source)
    keep_config(ws)


def keep_config(ws: Workspace) -> None:
    """Write the workspace's configuration, whole or not at all."""
    part = ws.path / f".{CONFIG}.part"
    part.write_text(json.dumps(ws.config, indent=2) + "\n", encoding="utf-8")
    settle(part, ws.path / CONFIG)


def attach_database(
    ws: Workspace,
    *,
    schema: str,
    customer_table: str,
    actor: str,
    mode: Literal["column", "companion"] = "column",
    customer_key: str | None = None,
    links: Mapping[str, str] | None = None,
) -> tuple[TableInfo, ...]:
    """Govern the database this workspace names, where it is, and record it.

    Args:
        mode: "column" adds flags to the tables; "companion" keeps them in a table of our own schema.
        links: table -> column, where a table names the customer without a foreign key.
    """
    tables = stores.attach(
        ws.config["source"],
        ws.keys.store_key,
        schema=schema,
        customer_table=customer_table,
        mode=mode,
        customer_key=customer_key,
        links=links,
    )
    names = sorted(table.name for table in tables)
    ws.journal.record([Draft("source.attached", {"tables": names, "mode": mode}, {"actor": actor})])
    return tables


def load_files(
    ws: Workspace, proposal: Proposal, *, actor: str, rebuild: bool = True, progress: Progress | None = None
) -> Loaded:
    """Load proposed files into the embedded store and record it. Rows of people who were erased are left out."""
    loaded = stores.load_files(ws.source, proposal, progress, gone.recogniser(ws))
    tables = {table.name: int(table.rows) for table in ws.source.catalogue()}
    public: dict[str, Any] = {"tables": dict(sorted(tables.items()))}
    left = {t.name: t.left_out.rows for t in loaded.tables if t.left_out.rows}
    emptied = {t.name: t.left_out.cells for t in loaded.tables if t.left_out.cells}
    public |= ({"left-out": left} if left else {}) | ({"emptied": emptied} if emptied else {})
    ws.journal.record([Draft("source.imported", public, {"actor": actor})])
    if left or emptied:
        ws.source.purge([])  # the engine keeps what was staged in free blocks of its file
    note_new_keys(ws, [key for table in loaded.tables for key in table.left_out.keys])
    if rebuild and ws.shelf.in_force() is not None:
        ws.facts.rebuild(progress)
    return loaded


def import_consents(
    ws: Workspace,
    path: Path,
    *,
    actor: str,
    zone: str = "",
    rebuild: bool = True,
    progress: Progress | None = None,
) -> Imported:
    """Take a consent history into the record.

    Args:
        zone: time zone of times without offset, as declared by whoever exported them; "" rejects them.

    Raises:
        FileRejected: the file cannot be read as a table, or lacks a needed column.
    """
    import pyarrow as pa

    source_digest = digest_of(path)
    for segment in ws.consent.segments():
        if segment.source_digest == source_digest:
            return Imported(segment.rows, 0, segment.rows, {}, 0, 0, None, None)
    now = ws.ledger.check_clock()
    batches = [
        pa.table({"no": pa.array(numbers, pa.uint32()), "key": pa.array(keys, pa.string())})
        for numbers, keys in ws.source.customer_keys()
    ]
    register = (
        pa.concat_tables(batches)
        if batches
        else pa.table({"no": pa.array([], pa.uint32()), "key": pa.array([], pa.string())})
    )
    policy = ws.facts.policy
    vocabulary = Vocabulary({p.id: p.channels for p in policy.purposes.values()}, zone)
    name = f"{now}-{source_digest[:12]}"
    imported = import_history(
        path,
        register,
        vocabulary,
        now,
        ws.consent.folder,
        name,
        known=_known(ws),
        erased=_erased(ws),
        progress=progress,
    )
    if imported.segment is not None:
        _record_segment(ws, imported, source_digest, now, actor)
        if rebuild:
            ws.facts.rebuild(progress)
            settle_quietly(ws)  # a history full of noes concerns whoever received these customers
    return imported


def describe_encryption(ws: Workspace) -> str:
    """How the customer data is kept from whoever gets hold of the disk, in one line."""
    crypto = getattr(ws.source, "crypto", "")
    if not crypto:
        return "the database is your own; encrypt its disk"
    if crypto == "openssl":
        return "the store is encrypted as a whole (AES-256-GCM, OpenSSL)"
    return "the store is encrypted as a whole (AES-256-GCM, bundled library: also encrypt the disk, decision 4)"


def _erased(ws: Workspace) -> Erased | None:
    """Who knows erased people by their keys, and by an address that is used as one."""
    who = gone.recogniser(ws)
    if who is None:
        return None

    def asked(keys: Sequence[str]) -> list[bool | None]:
        by_key, by_address = who.known("key", keys), who.known("email", [k if "@" in k else "" for k in keys])
        return [None if (hit := a or b) is None else hit.strong for a, b in zip(by_key, by_address, strict=True)]

    return asked


def _known(ws: Workspace) -> Known:
    """Every event on record, by its id."""
    import pyarrow as pa

    rows = ws.consent.identities()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    types = (pa.string(), pa.uint32(), pa.string(), pa.string(), pa.string())
    names = ("event_id", "no", "kind", "purpose", "channel")
    singles = pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})
    return Known(tuple(ws.consent.segment_path(s) for s in ws.consent.segments()), singles)


def _record_segment(ws: Workspace, imported: Imported, source_digest: str, now: int, actor: str) -> None:
    assert imported.segment is not None
    segment = imported.segment
    digest = digest_of(segment)
    ws.keys.erasures.note_happened("history", source_digest, now)
    draft = Draft(
        "consent.imported",
        {
            "segment": digest,
            "source": source_digest,
            "rows": imported.accepted,
            "rejected": sum(imported.rejected.values()),
            "unproven": imported.unproven,
            "policy": ws.facts.policy.version,
        },
        {"actor": actor, "file": segment.name},
    )

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.consent.append_segment(tx, segment.name, digest, source_digest, imported.accepted, now, entries[0].index)

    try:
        ws.journal.record([draft], rows)
    except Conflict:
        return  # another process took in the same history a moment ago
    ws.consent.publish()
