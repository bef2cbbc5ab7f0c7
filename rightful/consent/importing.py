"""How a consent history from another system becomes events, and which rows do not.

A file (CSV or Parquet) is read by DuckDB, checked row by row in SQL, joined to
the register of customers byte for byte, and written as one immutable Parquet
segment, sorted by customer and event time. Rows that cannot be taken as
evidence go, with line and reason, into a rejected-rows file; nothing is guessed.

Easy to get wrong: a time without a zone is no instant. With a declared zone,
an ambiguous or skipped hour reads as the earlier instant for a withdrawal and
as the later one for a grant (case T09). The same event twice is one event; one
id with two contents is none.

Of people who were erased only a no is taken, where a row of theirs has to stay. What else
names them is counted and kept in no list, not even in that of the rejected rows.

Sources: GDPR Art. 7(1); ISO/IEC TS 27560:2023; cases O14, T05-T09, S03, S10, AC-051 to AC-053, AC-057, AC-059.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rightful.consent.events import STOPS
from rightful.consent.rules import to_us
from rightful.errors import FileRejected
from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, EventKind, Method

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COLUMNS = (
    "event_id",
    "customer_id",
    "kind",
    "purpose",
    "channel",
    "at",
    "until",
    "notice",
    "method",
    "evidence",
    "value",
)
NEEDED = ("customer_id", "kind", "at")
_INSIDE = {"at": "at_text", "until": "until_text"}  # `at` is a word of SQL
SKEW = timedelta(minutes=5)
OF_THE_ERASED = "somebody who was erased"
"""The reason for rows that are kept in no list."""
CHOICES = (EventKind.GIVEN, EventKind.REFUSED, EventKind.WITHDRAWN, EventKind.DEFERRED, EventKind.SOFT_OPT_IN)
SCOPED = (EventKind.OBJECTED, EventKind.OBJECTION_LIFTED)

Progress = Callable[[str, float], None]
Erased = Callable[[Sequence[str]], Sequence[bool | None]]
"""Says of customers' keys whether they name somebody who was erased: surely (True), probably (False), no (None)."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names a history may use: what the policy in force knows."""

    purposes: Mapping[str, tuple[str, ...]]  # purpose -> channels
    zone: str = ""  # declared zone for times without offset; "" = reject them


@dataclass(frozen=True, slots=True)
class Known:
    """Events on record: earlier segments, and single ones (event_id, no, kind, purpose, channel)."""

    segments: tuple[Path, ...]
    singles: pa.Table


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. `rejected` counts rows per reason; `segment` is the Parquet written."""

    rows: int
    accepted: int
    repeats: int
    rejected: Mapping[str, int]
    future: int  # claimed more than five minutes ahead; they count from when we received them
    unproven: int  # grants without evidence: kept as a claim, permit nothing
    segment: Path | None
    rejects: Path | None
    table: pa.Table | None = field(default=None, repr=False)


def import_history(
    path: Path,
    keys: pa.Table,
    vocabulary: Vocabulary,
    received_us: int,
    folder: Path,
    name: str,
    *,
    known: Known | None = None,
    erased: Erased | None = None,
    progress: Progress | None = None,
    memory: str = "2GB",
) -> Imported:
    """Check a consent history and write it as a segment.

    Args:
        path: CSV or Parquet with a header; columns as in `COLUMNS`, `NEEDED` are required.
        keys: the register: `no` uint32, `key` text.
        received_us: the instant of this import.
        folder, name: where `name.parquet` and `name-rejected.csv` go; written under another name first.
        known: what is on record already: an event that comes again changes nothing.
        erased: who knows people that were erased; None if there are none.

    Raises:
        FileRejected: the file as a whole cannot be read; says where and what to do.
    """
    import duckdb

    say = progress or (lambda _what, _share: None)
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"SET memory_limit = '{memory}'")
        engine.execute("SET preserve_insertion_order = true")
        engine.register("register", keys)
        say("reading", 0.0)
        rows = _read(engine, path)
        say("checking", 0.3)
        _find_erased(engine, erased)
        _check(engine, vocabulary, received_us)
        _leave_out_known(engine, known)
        say("writing", 0.7)
        rejected = dict(
            engine.execute(
                "SELECT why, count(*) FROM checked WHERE why IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
            ).fetchall()
        )
        listed = any(why != OF_THE_ERASED for why in rejected)
        rejects = _write_rejects(engine, folder / f"{name}-rejected.csv") if listed else None
        table, future, unproven = _accepted(engine, received_us)
        segment = _write_segment(table, folder / f"{name}.parquet") if table.num_rows else None
    refused = sum(rejected.values())
    say("done", 1.0)
    repeats = rows - refused - table.num_rows
    return Imported(rows, table.num_rows, repeats, rejected, future, unproven, segment, rejects, table)


def _read(engine: duckdb.DuckDBPyConnection, path: Path) -> int:
    import duckdb

    if not path.is_file():
        raise FileRejected(f"{path.name} is not there", remedy="Check the path")
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    try:
        if parquet:
            engine.execute("CREATE TABLE raw AS SELECT * FROM read_parquet(?)", [str(path)])
        else:
            engine.execute(
                "CREATE TABLE raw AS SELECT * FROM read_csv(?, all_varchar = true, header = true, "
                "quote = '\"', escape = '\"', null_padding = false, strict_mode = true, max_line_size = 1048576)",
                [str(path)],
            )
    except duckdb.Error as fault:
        raise FileRejected(
            f"{path.name} cannot be read as a table: {_place(str(fault))}",
            remedy="Mend that line, or export the file again as UTF-8 CSV with a header",
        ) from fault
    found = {row[0] for row in engine.execute("DESCRIBE raw").fetchall()}
    missing = [column for column in NEEDED if column not in found]
    if missing:
        raise FileRejected(
            f"{path.name} has no column {', '.join(missing)}; it has {', '.join(sorted(found)[:12])}",
            remedy=f"A consent history needs {', '.join(NEEDED)}; it may have {', '.join(COLUMNS)}",
        )
    text = ", ".join(
        f"coalesce(CAST(\"{column}\" AS VARCHAR), '') AS {_INSIDE.get(column, column)}"
        if column in found
        else f"'' AS {_INSIDE.get(column, column)}"
        for column in COLUMNS
    )
    engine.execute(f"CREATE VIEW rows AS SELECT rowid AS line, {text} FROM raw")
    counted = engine.execute("SELECT count(*) FROM raw").fetchone()
    return int(counted[0]) if counted else 0


def _place(message: str) -> str:
    """The line of a reader's message that says where, without the row's content."""
    kept = [line.strip() for line in message.splitlines() if "Line:" in line or "Error" in line]
    return (kept[0] if kept else "it is not a table").split("Original Line")[0][:160]


def _find_erased(engine: duckdb.DuckDBPyConnection, erased: Erased | None) -> None:
    """Fill table `gone`: the keys in the file that name people who were erased."""
    engine.execute("CREATE TEMP TABLE gone (customer_id VARCHAR, surely BOOLEAN)")
    if erased is None:
        return
    cursor = engine.cursor().execute("SELECT DISTINCT customer_id FROM rows")
    while keys := [key for (key,) in cursor.fetchmany(50_000)]:
        found = [(key, surely) for key, surely in zip(keys, erased(keys), strict=True) if surely is not None]
        if found:
            engine.executemany("INSERT INTO gone VALUES (?, ?)", found)


def _check(engine: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, received_us: int) -> None:
    """Fill table `checked`: one row per input row, `why` NULL where it is taken."""
    engine.execute("CREATE TEMP TABLE slots (purpose VARCHAR, channel VARCHAR)")
    pairs = [(p, c) for p, channels in vocabulary.purposes.items() for c in (channels or ("",))]
    engine.executemany("INSERT INTO slots VALUES (?, ?)", pairs or [("", "")])
    purposes = _literals(vocabulary.purposes)
    engine.execute(f"CREATE MACRO is_purpose(p) AS p IN ({purposes})")
    kinds, methods = _literals(EventKind), _literals(Method)
    choices, stops = _literals(CHOICES), _literals(STOPS)
    zoned = r"'([zZ]|[+-][0-9]{2}:?[0-9]{2})$'"
    engine.execute(
        f"""
        CREATE TABLE checked AS
        WITH parsed AS (
            SELECT r.*, k.no, g.surely,
                regexp_matches(at_text, {zoned}) AS zoned,
                CASE WHEN regexp_matches(at_text, {zoned}) THEN epoch_us(TRY_CAST(at_text AS TIMESTAMPTZ)) END AS at_us,
                TRY_CAST(at_text AS TIMESTAMP) AS local_at,
                CASE WHEN until_text <> '' AND regexp_matches(until_text, {zoned})
                     THEN epoch_us(TRY_CAST(until_text AS TIMESTAMPTZ)) END AS until_us,
                coalesce(nullif(r.method, ''), 'import') AS how
            FROM rows r LEFT JOIN register k ON k.key = r.customer_id LEFT JOIN gone g USING (customer_id)
        )
        SELECT line, event_id, no, kind, purpose, channel, at_us, local_at, until_us, notice, how AS method,
            evidence, value, zoned, until_text,
            CASE WHEN how = 'pre-ticked' THEN 2 WHEN evidence = '' OR how = 'sync' THEN 1 ELSE 0 END AS strength,
            CASE
                WHEN surely IS NOT NULL AND no IS NULL OR surely AND kind NOT IN ({stops}) THEN '{OF_THE_ERASED}'
                WHEN no IS NULL THEN 'unknown customer'
                WHEN kind NOT IN ({kinds}) THEN 'unknown kind of event'
                WHEN how NOT IN ({methods}) THEN 'unknown method'
                WHEN kind IN ({choices}) AND NOT is_purpose(purpose) THEN 'unknown purpose'
                WHEN kind IN ('given', 'deferred', 'soft-opt-in')
                     AND (purpose, channel) NOT IN (SELECT (purpose, channel) FROM slots) AND channel <> ''
                     AND NOT EXISTS (SELECT 1 FROM slots s WHERE s.channel = p.channel) THEN 'unknown channel'
                WHEN kind = 'given' AND channel = '{ALL_CHANNELS}' THEN 'a consent has to name its channel'
                WHEN kind IN ({_literals(SCOPED)}) AND purpose <> '{DIRECT_MARKETING}' AND NOT is_purpose(purpose)
                    THEN 'unknown purpose'
                WHEN kind = 'moved' AND NOT regexp_matches(value, '^[A-Z]{{2}}(-[A-Z0-9]{{1,3}})?$')
                    THEN 'a move needs an ISO 3166 code in value'
                WHEN kind = 'born' AND (TRY_CAST(value AS DATE) IS NULL
                     OR TRY_CAST(value AS DATE) > make_timestamp({received_us})::DATE)
                    THEN 'birth date is not a past date'
                WHEN zoned AND at_us IS NULL THEN 'the time cannot be read'
                WHEN NOT zoned AND local_at IS NULL THEN 'the time cannot be read'
                WHEN until_text <> '' AND until_us IS NULL THEN 'the end of validity cannot be read or has no zone'
                WHEN NOT zoned THEN 'the time has no zone'
            END AS why
        FROM parsed p
        """
    )
    if vocabulary.zone:
        _read_local_times(engine, vocabulary.zone, stops)
    # One id with two contents proves neither; identical repeats are one event. Few ids come twice, so
    # contents are compared, and repeats taken out, among those only.
    engine.execute(
        """
        CREATE TEMP TABLE repeated AS
        SELECT event_id FROM checked WHERE why IS NULL AND event_id <> '' GROUP BY event_id HAVING count(*) > 1
        """
    )
    engine.execute(
        """
        UPDATE checked SET why = 'the same event id with another content'
        WHERE why IS NULL AND event_id IN (
            SELECT event_id FROM checked WHERE why IS NULL AND event_id IN (SELECT event_id FROM repeated)
            GROUP BY event_id
            HAVING count(DISTINCT (no, kind, purpose, channel, at_us, until_us, notice, method, evidence, value)) > 1)
        """
    )


def _leave_out_known(engine: duckdb.DuckDBPyConnection, known: Known | None) -> None:
    """Events that are on record: the same one again is no new event, the same id for another is refused."""
    if known is None or not (known.segments or known.singles.num_rows):
        return
    members = "event_id, no, kind, purpose, channel"
    parts = []
    if known.singles.num_rows:
        engine.register("singles", known.singles)
        parts.append(f"SELECT {members} FROM singles")
    if known.segments:
        paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in known.segments)
        parts.append(f"SELECT {members} FROM read_parquet([{paths}])")
    engine.execute(
        f"CREATE TEMP TABLE met AS SELECT DISTINCT {members} FROM ({' UNION ALL '.join(parts)}) "
        "WHERE event_id <> '' AND event_id IN (SELECT event_id FROM checked WHERE why IS NULL)"
    )
    engine.execute(
        "UPDATE checked SET why = 'the same event id with another content' FROM met "
        "WHERE checked.why IS NULL AND checked.event_id = met.event_id AND (checked.no, checked.kind, "
        "checked.purpose, checked.channel) <> (met.no, met.kind, met.purpose, met.channel)"
    )
    engine.execute("DELETE FROM checked WHERE why IS NULL AND event_id IN (SELECT event_id FROM met)")


def _read_local_times(engine: duckdb.DuckDBPyConnection, zone: str, stops: str) -> None:
    """Read zoneless times in a declared zone; doubtful hours go against the permission (case T09)."""
    place = ZoneInfo(zone)
    rows: Sequence[Any] = engine.execute(
        f"SELECT line, local_at, kind IN ({stops}) FROM checked WHERE why = 'the time has no zone'"
    ).fetchall()
    if not rows:
        return
    fixed = []
    for line, local, stop in rows:
        readings = [to_us(_aware(local, place, fold)) for fold in (0, 1)]
        fixed.append((line, min(readings) if stop else max(readings)))
    engine.execute("CREATE TEMP TABLE fixed (line BIGINT, at_us BIGINT)")
    engine.executemany("INSERT INTO fixed VALUES (?, ?)", fixed)
    engine.execute("UPDATE checked SET at_us = fixed.at_us, why = NULL FROM fixed WHERE checked.line = fixed.line")


def _aware(local: datetime, place: ZoneInfo, fold: int) -> datetime:
    return local.replace(tzinfo=place, fold=fold)


def _accepted(engine: duckdb.DuckDBPyConnection, received_us: int) -> tuple[pa.Table, int, int]:
    """Accepted events, each once, sorted as the planes want them, names as dictionaries.

    Returns:
        The events, how many claimed to lie more than five minutes ahead, and how many grants prove nothing.
    """
    # A repeat of an event is the same event; which line it came from does not matter.
    engine.execute(
        """
        CREATE TEMP TABLE accepted AS
        SELECT no, kind, purpose, channel, at_us, coalesce(until_us, 9223372036854775807) AS until_us,
               notice, strength::UTINYINT AS strength, method = 'guardian' AS guardian,
               evidence <> '' AS has_evidence, value, method, evidence, event_id
        FROM checked c WHERE why IS NULL AND (event_id NOT IN (SELECT event_id FROM repeated) OR line IN (
            SELECT min(line) FROM checked WHERE why IS NULL AND event_id IN (SELECT event_id FROM repeated)
            GROUP BY event_id))
        """
    )
    ahead = received_us + SKEW // timedelta(microseconds=1)
    counts = engine.execute(
        "SELECT count(*) FILTER (at_us > ? AND kind NOT IN ('moved', 'born')), "
        "count(*) FILTER (kind IN ('given', 'soft-opt-in') AND strength = 1) FROM accepted",
        [ahead],
    ).fetchall()
    table = engine.sql(
        """
        SELECT * EXCLUDE (at_us, until_us),
               CASE WHEN kind IN ('moved', 'born') THEN at_us ELSE least(at_us, ?) END AS "at",
               until_us AS "until"
        FROM accepted ORDER BY no, "at", kind
        """,
        params=[received_us],
    ).to_arrow_table()
    for name in ("kind", "purpose", "channel", "notice", "value", "method"):
        position = table.column_names.index(name)
        table = table.set_column(position, name, table.column(name).combine_chunks().dictionary_encode())
    future, unproven = counts[0]
    return table, int(future), int(unproven)


def _write_segment(table: pa.Table, path: Path) -> Path:
    import pyarrow.parquet as parquet

    from rightful.consent.files import settle

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    names = ["kind", "purpose", "channel", "notice", "value", "method", "evidence"]  # few values, many rows
    parquet.write_table(table, part, compression="zstd", use_dictionary=names)
    settle(part, path)
    return path


def _write_rejects(engine: duckdb.DuckDBPyConnection, path: Path) -> Path:
    """Line (of the file, the header is line 1), reason, and the row as it came."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cursor = engine.execute(
        "SELECT c.line + 2 AS line, c.why, r.* EXCLUDE (line) FROM checked c JOIN rows r USING (line) "
        f"WHERE c.why IS NOT NULL AND c.why <> '{OF_THE_ERASED}' ORDER BY 1"
    )
    names = [column[0] for column in cursor.description or ()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        while rows := cursor.fetchmany(10_000):
            writer.writerows(rows)
    return path


def _literals(names: Any) -> str:
    return ", ".join("'" + str(getattr(name, "value", name)).replace("'", "''") + "'" for name in names) or "''"
