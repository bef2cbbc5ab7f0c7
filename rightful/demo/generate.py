"""How the demo's four tables come to be: customers, orders, web visits and consent events.

Meadow is an invented bank-and-savings club. Its 45,211 customers stand on the
45,211 rows of a real telephone campaign (UCI no. 222, see `data/SOURCES.md`),
which carry no names and no years. Everything that would make a person of a row
is invented by a seeded generator, and `ORIGIN` says so column by column.

Easy to get wrong: one seed and one day give the same bytes, always; so nothing
here reads a clock, and every table draws from its own stream of chance.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rightful.demo.choices import consent_history, people_in
from rightful.demo.columns import key
from rightful.demo.crowd import YOUTH, crowd_on, customer_table, orders_by, visit_table

EARLIEST_TODAY, LATEST_TODAY = date(2026, 6, 1), date(2031, 1, 1)
"""Between these the second notice is in force, and there are customers old enough to have seen the first."""

REAL = "real"
PLACED = "real day and month, invented year"
SYNTHETIC = "synthetic"

ORIGIN: Mapping[str, Mapping[str, str]] = {
    "customer": {
        "id": SYNTHETIC,
        "first_name": SYNTHETIC,
        "last_name": SYNTHETIC,
        "email": SYNTHETIC,
        "phone": SYNTHETIC,
        "street": SYNTHETIC,
        "postcode": SYNTHETIC,
        "city": SYNTHETIC,
        "country": SYNTHETIC,
        "residence": SYNTHETIC,
        "language": SYNTHETIC,
        "birth_date": SYNTHETIC,
        "account_kind": SYNTHETIC,
        "age": REAL,
        "job": REAL,
        "marital": REAL,
        "education": REAL,
        "default_credit": REAL,
        "balance": REAL,
        "housing_loan": REAL,
        "personal_loan": REAL,
        "contact_kind": REAL,
        "last_contact_on": PLACED,
        "duration_s": REAL,
        "campaign_contacts": REAL,
        "days_since_previous": REAL,
        "previous_contacts": REAL,
        "previous_outcome": REAL,
        "subscribed": REAL,
        "segment": SYNTHETIC,
        "ltv": SYNTHETIC,
        "orders": SYNTHETIC,
        "last_order": SYNTHETIC,
        "care_need": SYNTHETIC,
        "notes": SYNTHETIC,
        "created_at": SYNTHETIC,
    },
    "order": dict.fromkeys(("id", "customer_id", "ordered_at", "product", "amount", "gift_note"), SYNTHETIC),
    "web_visit": dict.fromkeys(("id", "customer_id", "visited_at", "page", "seconds"), SYNTHETIC),
    "consent": dict.fromkeys(
        (
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
            "language",
            "source",
            "value",
        ),
        SYNTHETIC,
    ),
}
"""Table -> column -> whether its values are the bank's or ours."""


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the folder now.

    Attributes:
        files: table -> CSV file; rows, digests: the same keys, row counts and SHA-256 in hex.
        planted: name of a situation -> how many times it was made, exactly. Names that begin with
            `broken_` are rows of consent.csv that an import must reject; `repeated_rows` are identical
            copies of rows before them.
        people: name of a situation -> id of one customer in it, for stories and logins.
    """

    folder: Path
    seed: int
    today: date
    files: Mapping[str, Path]
    rows: Mapping[str, int]
    digests: Mapping[str, str]
    planted: Mapping[str, int]
    people: Mapping[str, str]

    @property
    def broken(self) -> int:
        """Rows of consent.csv that must end in the rejected-rows file."""
        return sum(n for name, n in self.planted.items() if name.startswith("broken_"))

    def describe(self) -> str:
        """A paragraph for people: how much there is, and which of it is real."""
        columns = ORIGIN["customer"]
        real = ", ".join(name for name, origin in columns.items() if origin == REAL)
        placed = ", ".join(name for name, origin in columns.items() if origin == PLACED)
        made = ", ".join(name for name, origin in columns.items() if origin == SYNTHETIC)
        count = self.rows
        return (
            f"{count['customer']:,} customers stand on as many real rows of a Portuguese bank's\n"
            "telephone campaign, 2008 to 2010 (Moro, Rita and Cortez 2014; UCI Machine Learning\n"
            f"Repository no. 222; CC BY 4.0).\nReal: {real}.\nReal but for the year: {placed}.\n"
            f"Synthetic, seed {self.seed}: {made};\nand all {count['order']:,} orders, "
            f"{count['web_visit']:,} web visits and {count['consent']:,} consent events.\n"
            f"{self.planted['youth_accounts']} young customers are synthetic as to their age: the bank's\n"
            "data has nobody under 18, so their birth date contradicts the real age column.\n"
            "Nobody here exists; no address, number or mailbox belongs to anybody."
        )


def write(folder: Path, *, seed: int = 20260501, today: date) -> Written:
    """Write customer.csv, order.csv, web_visit.csv and consent.csv into a folder.

    Args:
        folder: made if it is not there; files of these names are replaced, each in one step.
        seed: the same seed and day give the same bytes.
        today: the day the demo plays on; everything not planted otherwise happened before it (UTC).

    Raises:
        ValueError: `today` lies outside the years the demo's two notices allow.
    """
    if not EARLIEST_TODAY <= today <= LATEST_TODAY:
        raise ValueError(f"the demo plays from {EARLIEST_TODAY} to {LATEST_TODAY}, not on {today}: is the clock right?")
    # One stream per table: a change in one leaves the others as they were.
    people, buying, browsing, choosing = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)
    )
    crowd = crowd_on(people, today)
    order = orders_by(buying, crowd)
    events = consent_history(choosing, crowd, order)
    tables = {
        "customer": customer_table(people, crowd, order),
        "order": order.table,
        "web_visit": visit_table(browsing, crowd),
        "consent": events.table(choosing, crowd),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: _settle(table, folder / f"{name}.csv") for name, table in tables.items()}
    planted = {
        "youth_accounts": YOUTH,
        "residence_unknown": int((crowd.residence == "").sum()),
        "residence_outside_every_regime": int((crowd.residence == "CH").sum()),
        "health_notes": int(crowd.has_health_note.sum()),
        "health_gift_notes": order.health_notes,
        **events.planted,
    }
    return Written(
        folder=folder,
        seed=seed,
        today=today,
        files=files,
        rows={name: table.num_rows for name, table in tables.items()},
        digests={name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
        planted=planted,
        people={name: key(no) for name, no in people_in(crowd, order, events).items()},
    )


def _settle(table: pa.Table, path: Path) -> Path:
    """Write under another name first: a file that is there is whole."""
    part = path.with_suffix(".part")
    pyarrow.csv.write_csv(table, part, pyarrow.csv.WriteOptions(quoting_style="needed"))
    os.replace(part, path)
    return path
