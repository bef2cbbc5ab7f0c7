"""A workspace over the CRM of traps, in one of the engines, with its links confirmed as a person would."""

from __future__ import annotations

import os
from pathlib import Path

from bench import traps
from rightful.actions.appoint_staff import appoint
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.give_consent import give_consent
from rightful.actions.publish_policy import publish_policy
from rightful.actions.register_source import attach_database
from rightful.actions.use_data import query_data
from rightful.workspace import Workspace

URL = "RIGHTFUL_TRAPS_URL"
SUBJECT = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
SAM = "sam@traps.example"


def make(place: Path, engine: str, url: str = "") -> None:
    """Make it: tables filled, policy published, links confirmed, a use and some consents on record."""
    source = None
    if engine != "duckdb":
        fill = traps.fill_postgres if engine == "postgres" else traps.fill_mariadb
        fill(url)
        os.environ[URL] = url
        source = {"kind": engine, "url_env": URL}
    with Workspace.create(place, "traps", source=source, subject=SUBJECT) as ws:
        if engine != "duckdb":
            attach_database(ws, schema="", customer_table="customer", actor="eng")
        else:
            traps.fill_duckdb(ws.source)
        (place / "policy" / "traps.yaml").write_text(traps.POLICY, encoding="utf-8")
        publish_policy(ws, actor="olga@traps.example", approver="paul@traps.example")
        appoint(ws, SAM, "support", actor="olga@traps.example")
        scan_links(ws, actor="eng")
        names = [d.link.id for d in ws.link_book.all() if d.state == "proposed" and "product" not in d.link.id]
        decide_links(ws, names, state="confirmed", actor="olga@traps.example")
        for key in ("17", "19", "22"):
            give_consent(ws, key, "letters", "email", evidence=f"CANARY-form-{key}" if key == "17" else f"form-{key}",
                         method="form")  # fmt: skip
        query_data(ws, SAM, "service", "SELECT first_name, email FROM customer")
