"""A customer is erased: in every table, file and record, checked afterwards, and said as it is.

gather   everything that was found about the person; what the law and holds need of it
decide   one answer for every row and column (`gate/erasure_plan.py`)
act      step by step, each one harmless to repeat: stop all uses, note whom no import may
         bring back, tell recipients, change the store, write its files anew, then consents, ledger and permission state
verify   by the links again, by every text of every table, by the bytes of our own files

The status says what was found at the end: `complete`; `partly`, if a law or a hold keeps
something, each with its reason and until when; `incomplete`, with the list of what is
left or was touched that should not have been.

Easy to get wrong: to say "done" before looking again; to forget what to look for when
the process dies half-way (the run remembers it, sealed, until it has ended); to tell
recipients after the key is gone that says who they were told about.

Sources: GDPR Art. 17, 19, 5(2); DESIGN section 7; cases E01-E03, AC-062 to AC-065.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rightful.actions.find_person import links_in_force, region_of, store_of
from rightful.actions.forget_people import ROOMS, forget_sign_in, write_histories_anew
from rightful.actions.keep_gone import keep_off
from rightful.actions.look_in_files import files_with
from rightful.actions.record_choice import make_event, record
from rightful.actions.tell_recipients import tell_recipients
from rightful.actions.view_customer import may_look
from rightful.actions.what_survives import what_survives
from rightful.consent.forgetting import forget_in_rejects
from rightful.errors import BadInput, UnknownName
from rightful.gate import dispose
from rightful.gate import erasure_plan as planning
from rightful.gate import find as finding
from rightful.gate import identifiers as ids
from rightful.gate.erasure_plan import Keep, Kept, Plan, Residue, RowKey
from rightful.gate.identifiers import Identifier
from rightful.gate.links import Link
from rightful.ledger.database import Tx
from rightful.ledger.record import ERASABLE, Draft, Entry
from rightful.retention.erasures import Run, Status, new_id
from rightful.terms import EventKind
from rightful.workspace import Workspace

PASSES = 3
"""A database may copy what is deleted (triggers): so often it is looked again and cleaned."""
COPY_LENGTH = 10

Step = Callable[[str], None]
"""Called before and after each step with its name; tests stop the process there."""


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What an erasure would do, in numbers; nothing has happened yet.

    Attributes:
        deletes, changes: table -> rows that go, rows in which something is emptied.
        undecided: proposed links that would add rows. While there are any, nothing can be called complete.
        doubles: other profiles that may be the same person.
    """

    customer: str
    also: tuple[str, ...]
    deletes: Mapping[str, int]
    changes: Mapping[str, int]
    kept: tuple[Kept, ...]
    spared: Mapping[str, int]
    unresolved: tuple[Residue, ...]
    review: tuple[Residue, ...]
    undecided: tuple[tuple[str, int], ...]
    doubles: tuple[finding.Double, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an erasure ended, in words and numbers without personal data.

    Attributes:
        residues: what is left although it should not be. `collateral`: what is gone although it should not be.
        limits: what could not be reached or looked through (server logs, backups).
        recipients: how many have to be told.
        certificate: index of the ledger entry that says all of this.
    """

    run: str
    status: Status
    deleted: Mapping[str, int]
    changed: Mapping[str, int]
    kept: tuple[Kept, ...]
    spared: Mapping[str, int]
    residues: tuple[Residue, ...]
    collateral: tuple[Residue, ...]
    review: tuple[Residue, ...]
    limits: tuple[str, ...]
    recipients: int
    checked: Mapping[str, int]
    certificate: int


def plan_erasure(ws: Workspace, key: str, *, also: Sequence[str] = (), holds: Sequence[Keep] = ()) -> ErasurePlan:
    """A dry run: what would be deleted, emptied, kept and spared.

    Args:
        also: further keys of the same person.
        holds: further reasons to keep something; legal holds that are on record count by themselves.

    Raises:
        UnknownName: no such customer.
    """
    _, _, found, plan = _worked_out(ws, (key, *also), holds)
    undecided = tuple((link.id, rows) for link, rows in found.undecided)
    return ErasurePlan(
        key,
        tuple(also),
        plan.deletes,
        plan.changed,
        plan.kept,
        plan.spared,
        plan.unresolved,
        tuple(planning.merged(plan.review)),
        undecided,
        found.doubles,
    )


def erase_customer(
    ws: Workspace,
    key: str,
    *,
    actor: str,
    purpose: str = "",
    also: Sequence[str] = (),
    apart: Sequence[str] = (),
    holds: Sequence[Keep] = (),
    at: Step | None = None,
) -> Outcome:
    """Erase a customer now. Goes on with an erasure that was begun and interrupted.

    Args:
        purpose: what lets a member of staff look at this customer; not needed when the customer asks ("self").
        apart: profiles that look like the same person and are known to be somebody else.

    Raises:
        BadInput: profiles that may be the same person have not been decided about.
        NotPermitted: the purpose does not let the actor look at the customer; recorded.
        UnknownName: no such customer.
    """
    if actor != "self":
        may_look(ws, actor, purpose, key)
    return run_erasure(ws, begin_erasure(ws, key, actor=actor, also=also, apart=apart, holds=holds).id, at=at)


def begin_erasure(
    ws: Workspace,
    key: str,
    *,
    actor: str,
    also: Sequence[str] = (),
    apart: Sequence[str] = (),
    holds: Sequence[Keep] = (),
    known: bool = False,
) -> Run:
    """Plan an erasure and note it; nothing of the customer is changed yet. An open run is found again.

    Args:
        known: it was decided before about each of these: they came back. Nobody is asked who else they may be.
    """
    numbers = [ws.number_of(k) for k in (key, *also)]
    for before in ws.erasures.of(numbers[0]):
        if before.open:
            return before
    store, links, found, plan = _worked_out(ws, (key, *also), holds)
    undecided = [d.key for d in found.doubles if d.strong and d.key not in apart]
    if undecided and not known:
        raise BadInput(
            f"{len(undecided)} other profiles may be the same person: {', '.join(undecided)}",
            remedy="Name each of them: also this person, or apart",
        )
    run = new_id()
    secret = _secret(store, links, found, plan, numbers, actor, holds) | {"known": known}
    public = {"run": run, "deleted": plan.deletes, "changed": plan.changed, "profiles": len(numbers)}
    draft = Draft("erasure.planned", public, {"actor": actor}, ws.subject_id(numbers[0]))
    now = ws.ledger.check_clock()
    ws.journal.record([draft], lambda tx, _: ws.erasures.begin(tx, numbers[0], now, secret, run))
    return ws.erasures.get(run)


def run_erasure(ws: Workspace, run: str, *, at: Step | None = None) -> Outcome:
    """Carry out an erasure, or go on with it: each step that is not done yet, then the check.

    Raises:
        NotFound: there is no such run.
        RightfulError: a step failed; the run stays open and can be gone on with.
    """
    stop = at or (lambda _name: None)
    if not ws.erasures.get(run).open:
        return erasure_status(ws, run)
    work = _Work(ws, run)
    for name, step in (
        ("stopped", work.stop_uses),
        ("suppressed", work.keep_off),
        ("told", work.tell),
        ("stored", work.change_store),
        ("rewritten", work.rewrite_store),
        ("consents", work.clean_consents),
        ("forgotten", work.forget_keys),
        ("worked-out", work.work_out_anew),
    ):
        if not ws.erasures.get(run).done(name):
            stop(f"before {name}")
            step()
            stop(f"after {name}")
            with ws.control.write() as tx:
                ws.erasures.reached(tx, run, name)
            stop(f"noted {name}")
    stop("before closed")
    outcome = work.close()
    stop("after closed")
    return outcome


def resume_erasures(ws: Workspace, *, at: Step | None = None) -> list[Outcome]:
    """Go on with every erasure that was interrupted."""
    return [run_erasure(ws, run.id, at=at) for run in ws.erasures.all() if run.open]


def retry_erasure(ws: Workspace, run: str, *, holds: Sequence[Keep] = (), at: Step | None = None) -> Outcome:
    """Take up an erasure that ended incomplete, or that a hold kept from ending, after the cause is gone.

    Args:
        holds: further reasons to keep something; the ones given before no longer count.

    Raises:
        BadInput: it ended, and what it knew of the person was destroyed.
    """
    secret = ws.erasures.secret(run)
    if secret is None:
        raise BadInput(f"erasure {run} has ended and cannot be taken up again")
    if not ws.erasures.get(run).open:
        in_force = [{**asdict(k), "columns": None if k.columns is None else sorted(k.columns)} for k in holds]
        with ws.control.write() as tx:
            ws.erasures.remember(tx, run, {**secret, "holds": in_force, "again": True, "unresolved": []})
            ws.erasures.reopen(tx, run, "told")
    return run_erasure(ws, run, at=at)


def erasure_status(ws: Workspace, run: str) -> Outcome:
    """How an erasure ended.

    Raises:
        NotFound: there is no such run.
        BadInput: it has not ended yet.
    """
    found = ws.erasures.get(run)
    if found.open:
        raise BadInput(f"erasure {run} has not ended: step {found.step} is done", remedy="Resume it")
    return _outcome(found)


# --- plans -----------------------------------------------------------------------------------------


def _worked_out(
    ws: Workspace, keys: Sequence[str], holds: Sequence[Keep]
) -> tuple[finding.Store, list[Link], finding.Found, Plan]:
    store = store_of(ws)
    confirmed, proposed = links_in_force(ws, store)
    found = finding.find(store, keys, confirmed, proposed, region=region_of(ws, keys[0]))
    keeps = (*what_survives(ws, store, found, [ws.number_of(k) for k in keys]), *holds)
    return (
        store,
        confirmed,
        found,
        planning.plan_erasure(found, _tables(store, found), confirmed, keeps, token=fresh_token()),
    )


def fresh_token() -> str:
    """What a value that has to be there, and says nothing, is made different by."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(8))


def _tables(store: finding.Store, found: finding.Found) -> planning.Tables:
    named = {*found.rows, *(t for t, _ in found.spared), *(t for t, _ in found.mentions)}
    named |= {h.row.table for h in found.texts} | {link for link in store.tables if store.tables[link].references}
    identity = {name: store.identity(name) for name in named}
    keyless = frozenset(name for name in named if store.as_text(name))
    copies = {name: store.still_there(name, list(found.rows[name])) for name in keyless if found.rows.get(name)}
    return planning.Tables(store.tables, identity, keyless, copies)


def _secret(
    store: finding.Store,
    links: Sequence[Link],
    found: finding.Found,
    plan: Plan,
    numbers: Sequence[int],
    actor: str,
    holds: Sequence[Keep],
) -> dict[str, Any]:
    """What has to be known at the end to look for what is left."""
    texts, copies = _distinctive(store, found)
    values: dict[str, list[object]] = {}
    for link in (*links, *(proposal for proposal, _ in found.undecided)):
        named = [held.row.values.get(link.to[0]) for held in found.rows.get(link.parent, {}).values()]
        if present := [v for v in named if v is not None]:
            values[f"{link.parent}.{link.to[0]}"] = present
    return {
        "actor": actor,
        "keys": list(found.keys),
        "numbers": list(numbers),
        "identifiers": [asdict(i) for i in found.identifiers],
        "gone": _gone(found, plan, {}),
        "stays": _as_list(plan.stays),
        "spared": [[t, list(one)] for t, one in found.spared],
        "values": values,
        "orphans": {link.id: store.orphans(link) for link in links if _holds_together(link)},
        "texts": texts,
        "tables": sorted({*plan.deletes, *plan.changed}),
        "kept": [asdict(k) for k in plan.kept],
        "unresolved": [asdict(r) for r in plan.unresolved],
        "review": [asdict(r) for r in (*plan.review, *copies)],
        "undecided": [[link.id, rows] for link, rows in found.undecided],
        "holds": [{**asdict(k), "columns": None if k.columns is None else sorted(k.columns)} for k in holds],
        "deleted": {},
        "changed": {},
        "limits": list(found.unread),
        "recipients": 0,
    }


def _holds_together(link: Link) -> bool:
    return link.kind in ("foreign-key", "name", "type-and-id") and len(link.columns) == 1


# --- the steps -------------------------------------------------------------------------------------


class _Work:
    """One run, taken up wherever it stands."""

    def __init__(self, ws: Workspace, run: str) -> None:
        self.ws = ws
        self.run = run
        secret = ws.erasures.secret(run)
        if secret is None:
            raise BadInput(f"erasure {run} has ended and cannot be taken up again")
        self.secret = secret
        self.numbers: list[int] = [int(n) for n in secret["numbers"]]
        self.identifiers = [_identifier(i) for i in secret["identifiers"]]

    def stop_uses(self) -> None:
        """From here on the gate answers every use with no, but for what survives by law."""
        now = self.ws.ledger.check_clock()
        for no in self.numbers:
            event = make_event(
                self.ws, EventKind.ERASED, "", "", now, "agent", f"{self.run}-{no}", evidence=f"erasure {self.run}"
            )
            record(self.ws, no, [event], self.secret["actor"], "All uses of this data have ended.")

    def keep_off(self) -> None:
        """From here on no import brings them back; those of whom it is known already need not be noted again."""
        if not self.secret.get("known"):
            keep_off(self.ws, self.run, self.identifiers, self.secret["keys"])

    def tell(self) -> None:
        """Everybody who received the data; before the key is destroyed that says whose it was."""
        owed = 0
        for no in self.numbers:
            stored = self.ws.consent.find(f"{self.run}-{no}")
            owed += len(tell_recipients(self.ws, no, "erasure", entry=stored.entry if stored else None))
        self._remember(recipients=owed)

    def change_store(self) -> None:
        """The plan, worked out again on the data as they are now, and carried out in one transaction."""
        ws = self.ws
        keys = [k for k in self.secret["keys"] if _is_there(ws, k)]
        if keys:
            holds = [Keep(**{**k, "columns": k["columns"] and frozenset(k["columns"])}) for k in self.secret["holds"]]
            store, links, found, plan = _worked_out(ws, keys, holds)
            if not self.secret["deleted"] and not self.secret["changed"]:
                fresh = _secret(store, links, found, plan, self.numbers, self.secret["actor"], holds)
                fresh["known"] = self.secret.get("known", False)
                identifiers = {(i["kind"], i["value"]): i for i in (*self.secret["identifiers"], *fresh["identifiers"])}
                fresh["identifiers"] = list(identifiers.values())
                self._remember(**{**fresh, "recipients": self.secret["recipients"], "deleted": plan.deletes,
                                  "changed": plan.changed})  # fmt: skip
                self.identifiers = [_identifier(i) for i in self.secret["identifiers"]]
                self.keep_off()
            elif self.secret.get("again"):
                self._remember(
                    deleted=planning.added(self.secret["deleted"], plan.deletes),
                    changed=planning.added(self.secret["changed"], plan.changed),
                    unresolved=[asdict(r) for r in plan.unresolved],
                    kept=[asdict(k) for k in plan.kept],
                    stays=_as_list(plan.stays),
                    gone=_gone(found, plan, self.secret["gone"]),
                )
            self._dispose(plan.changes, "store")
        for _ in range(PASSES):
            left = [*self._come_meanwhile(), *self._made_meanwhile()]
            if not left:
                break
            self._dispose(left, "again")

    def rewrite_store(self) -> None:
        """Take the bytes out of the files, and give the numbers of people who are gone to nobody."""
        store = store_of(self.ws)
        places = [store.tables[t].place for t in self.secret["tables"] if t in store.tables]
        limits = self.ws.source.purge(places)
        self.ws.source.number_new_customers()
        self._remember(limits=sorted({*self.secret["limits"], *limits}))

    def clean_consents(self) -> None:
        """Single events, imported histories, lists of rejected rows, letters that wait."""
        ws = self.ws
        write_histories_anew(ws, self.numbers, self.run)
        strong = self._strong()
        keys = set(self.secret["keys"])
        forget_in_rejects(ws.consent.folder, lambda line: _names(line, strong, keys))
        with ws.control.write() as tx:
            for no in self.numbers:
                ws.consent.forget(tx, no)
                ws.requests.forget(tx, no)
                ws.guardians.forget(tx, no)
                ws.mail.forget(tx, no)
                ws.cases.forget(tx, ws.subject_id(no))
        self._outbox(strong)

    def forget_keys(self) -> None:
        """Keys, payloads, links and bits of the ledger; sign-in and sessions; then the free pages."""
        with self.ws.control.write() as tx:
            for no in self.numbers:
                self.ws.ledger.forget(self.ws.subject_id(no), number=no, tx=tx)
        self.ws.keys.erasures.forget(self.numbers)
        self.ws.keys.subjects.scrub()
        forget_sign_in(self.ws, self.secret["keys"])
        self.ws.control.scrub(*ERASABLE, *ROOMS, rewrite=True)

    def work_out_anew(self) -> None:
        """The permission state, which held birth date and residence."""
        self.ws.facts.rebuild()

    def close(self) -> Outcome:
        """Look again at everything, say how it came out, and destroy what the run remembered."""
        ws, secret = self.ws, self.secret
        residues, collateral, checked = self._look_again()
        left = len(ws.ledger.keys.subjects.find([ws.subject_id(no) for no in self.numbers]))
        if left:
            residues.append(Residue("", "keys", left, "a key that opens sealed parts of entries is still there"))
        residues = [*(Residue(**r) for r in secret["unresolved"] if not _seen(r, residues)), *residues]
        waiting = {d.link.id for d in ws.link_book.all() if d.state == "proposed"}
        residues += [
            Residue(name.split(".")[0], name, rows, "a proposed link nobody decided about")
            for name, rows in secret["undecided"]
            if name in waiting
        ]
        kept = [Kept.read(k) for k in secret["kept"]]
        status = planning.status_of(residues, collateral, kept)
        spared: dict[str, int] = {}
        for table, _ in secret["spared"]:
            spared[table] = spared.get(table, 0) + 1
        outcome = {
            "policy": ws.facts.policy.version,
            "deleted": secret["deleted"],
            "changed": secret["changed"],
            "kept": [asdict(k) for k in kept],
            "spared": spared,
            "residues": [asdict(r) for r in planning.merged(residues)],
            "collateral": [asdict(r) for r in planning.merged(collateral)],
            "review": [asdict(r) for r in planning.merged(Residue(**r) for r in secret["review"])],
            "limits": secret["limits"],
            "recipients": secret["recipients"],
            "checked": checked,
            "people": {"gone": len(self.numbers), "keys_left": left},
        }
        public = {"run": self.run, "status": status, "profiles": len(self.numbers), **outcome}
        again = status == "incomplete" or any(k.kind == "hold" for k in kept)
        now = ws.ledger.check_clock()

        def rows(tx: Tx, entries: list[Entry]) -> None:
            ws.erasures.close(tx, self.run, status, now, entries[0].index, outcome, again=again)
            for no in self.numbers:
                ws.suppression.end_back(tx, no, "erased", now)

        ws.journal.record([Draft("erasure.closed", public)], rows)
        ws.control.scrub("erasure_run", rewrite=True)
        return _outcome(ws.erasures.get(self.run))

    # --- helpers of the steps ---

    def _remember(self, **more: Any) -> None:
        self.secret = {**self.secret, **more}
        with self.ws.control.write() as tx:
            self.ws.erasures.remember(tx, self.run, self.secret)

    def _dispose(self, changes: Sequence[dispose.Change], part: str) -> None:
        if not changes:
            return
        tables = sorted({*self.secret["tables"], *(change.table for change in changes)})
        self._remember(tables=tables)  # before it happens: their files have to be written anew
        subject = self.ws.subject_id(self.numbers[0])
        public = {"run": self.run, "part": part}
        private = {"actor": self.secret["actor"]}
        dispose.erase(self.ws, changes, kind="erasure", public=public, private=private, subject=subject)

    def _frozen(self) -> frozenset[str]:
        """Tables in which a hold forbids every change, now."""
        holds = [h for h in self.ws.holds.in_force(self.ws.clock()) if h.customers is None]
        given = {k["table"] for k in self.secret["holds"] if k["everybodys"]}
        return frozenset(given | {t.name for t in self.ws.source.structure() if any(h.covers(t.name) for h in holds)})

    def _strong(self) -> list[Identifier]:
        return planning.surviving(self.identifiers)

    def _come_meanwhile(self) -> list[dispose.Change]:
        """Rows that links lead to now: new ones, ones whose link was confirmed later or whose hold has ended."""
        ws = self.ws
        store = store_of(ws)
        links, _ = links_in_force(ws, store)
        stays = _stays(self.secret)
        rows = [row for link, row in self._led_to(store, links)]
        if self.secret.get("again"):
            rows += [row for (t, one) in stays for row in store.by_id(t, [one]) if t in store.tables]
        if not rows:
            return []
        found = finding.follow(store, rows, self.secret["keys"], links)
        found.identifiers = ()
        holds = [Keep(**{**k, "columns": k["columns"] and frozenset(k["columns"])}) for k in self.secret["holds"]]
        keeps = (*what_survives(ws, store, found, self.numbers), *holds)
        plan = planning.plan_erasure(found, _tables(store, found), links, keeps, token=fresh_token())
        fresh = _as_list(plan.stays)
        known = {(t, tuple(map(str, one))) for t, one in plan.stays}
        if self.secret.get("again"):
            kept, others = [asdict(k) for k in plan.kept], []
        else:
            kept = self.secret["kept"] + [asdict(k) for k in plan.kept]
            others = [x for x in self.secret["stays"] if (x[0], tuple(map(str, x[1]))) not in known]
        gone = _gone(found, plan, self.secret["gone"])
        deleted = planning.added(self.secret["deleted"], plan.deletes)
        self._remember(stays=[*others, *fresh], gone=gone, kept=kept, deleted=deleted, again=False)
        return list(plan.changes)

    def _led_to(self, store: finding.Store, links: Sequence[Link]) -> list[tuple[Link, finding.Row]]:
        """Rows that confirmed links lead to from what was the person's, and that were not to stay."""
        stays = {(t, tuple(map(str, one))) for t, one in _stays(self.secret)}
        spared = {(t, tuple(map(str, one))) for t, one in self.secret["spared"]}
        walk = finding._Walk(store, links, "")
        led = []
        for link in links:
            values = self.secret["values"].get(f"{link.parent}.{link.to[0]}")
            if values and link.role == "belongs" and link.kind != "value":
                rows = ((link, row) for row in walk.rows_of(link, values))
                led += [(x, r) for x, r in rows if (r.table, tuple(map(str, r.id))) not in stays | spared]
        return led

    def _made_meanwhile(self) -> list[dispose.Change]:
        """Copies of deleted texts that were not there before: a trigger wrote them while we deleted."""
        store = store_of(self.ws)
        texts = self.secret["texts"]
        stays = _stays(self.secret)
        changes: dict[tuple[str, finding.RowId], dict[str, object]] = defaultdict(dict)
        frozen = self._frozen()
        for row, column in _copies(store, texts):
            if row.table not in frozen and not _may_stay(stays, row, column):
                nullable = store.tables[row.table].column(column).nullable
                changes[row.table, row.id][column] = None if nullable else ids.ERASED
        for hit in store.text_hits(self._strong(), {}):
            if hit.row.table in frozen:
                continue
            if not _may_stay(stays, hit.row, hit.column) and hit.column not in store.key(hit.row.table):
                stored = store.tables[hit.row.table].column(hit.column)
                if stored.type == "text" and not store.tables[hit.row.table].derived:
                    changes[hit.row.table, hit.row.id][hit.column] = ids.redact(hit.text, self._strong())
        return [
            dispose.Change(t, store.identity(t), (one,), sets, store.still_there(t, [one]), store.as_text(t))
            for (t, one), sets in changes.items()
            if not store.tables[t].derived
        ]

    def _outbox(self, strong: Sequence[Identifier]) -> None:
        """Letters that were only written to a folder (demo, development)."""
        for path in _files(self.ws.path / "outbox"):
            if any(ids.occurrences(text, strong) for text in finding._as_texts(path.read_bytes())[:1]):
                path.unlink(missing_ok=True)

    def _look_again(self) -> tuple[list[Residue], list[Residue], dict[str, int]]:
        """(what is left, what should not have gone, what was looked at)."""
        store = store_of(self.ws)
        links, _ = links_in_force(self.ws, store)
        stays = _stays(self.secret)
        left = [*self._rows_left(store, links), *self._texts_left(store, stays), *self._bytes_left()]
        collateral = []
        by_table: dict[str, list[finding.RowId]] = defaultdict(list)
        for table, one in self.secret["spared"]:
            by_table[table].append(tuple(one))
        for table, rows in by_table.items():
            if not store.as_text(table) and (missing := len(rows) - store.still_there(table, rows)) > 0:
                collateral.append(Residue(table, "", missing, "rows of others that were to be spared are gone"))
        for link in links:
            before = self.secret["orphans"].get(link.id)
            if before is not None and (more := store.orphans(link) - before) > 0:
                collateral.append(Residue(link.child, link.columns[0], more, f"names no row of {link.parent} any more"))
        columns = sum(c.type in finding.TEXTS for t in store.tables.values() for c in t.columns)
        checked = {"tables": len(store.tables), "text_columns": columns, "links": len(links)}
        return left, collateral, checked

    def _rows_left(self, store: finding.Store, links: Sequence[Link]) -> Iterator[Residue]:
        """Rows that were to go, and rows that links still lead to."""
        for table, rows in self.secret["gone"].items():
            if table in store.tables and not store.tables[table].derived:
                there = store.still_there(table, [tuple(one) for one in rows]) if rows else 0
                if there:
                    yield Residue(table, "", there, "rows that were to be deleted are there")
        counts: dict[str, int] = defaultdict(int)
        led = self._led_to(store, links)
        by_id = {link.id: link for link, _ in led}
        for link, _ in led:
            counts[link.id] += 1
        for name, count in counts.items():
            yield Residue(by_id[name].child, by_id[name].columns[0], count, f"rows that {name} still leads to")

    def _texts_left(self, store: finding.Store, stays: Mapping[RowKey, frozenset[str] | None]) -> Iterator[Residue]:
        frozen = self._frozen()
        for hit in store.text_hits(self._strong(), {}):
            if hit.row.table not in frozen and not _may_stay(stays, hit.row, hit.column):
                kinds = ", ".join(hit.kinds)
                yield Residue(hit.row.table, hit.column, 1, f"a text still names the person ({kinds})")
        for attachment in store.attachments(self._strong(), {})[0]:
            if attachment.table not in frozen and (attachment.table, attachment.id) not in stays:
                yield Residue(attachment.table, attachment.column, 1, "bytes still name the person")
        for row, column in _copies(store, self.secret["texts"]):
            if row.table not in frozen and not _may_stay(stays, row, column):
                yield Residue(row.table, column, 1, "the same text as in a field that was erased")

    def _bytes_left(self) -> Iterator[Residue]:
        """Our own files, byte by byte: database, log, tiles, segments, snapshot, spill, outbox."""
        strong = [i for i in self._strong() if i.kind in ("email", "phone", "number")]
        needles = {i.value.encode() for i in strong} | {i.value.encode("utf-16-le") for i in strong}
        for path in files_with(list(_files(self.ws.path, but=("keys", "policy"))), needles):
            yield Residue("", path.relative_to(self.ws.path).parts[0], 1, f"bytes in the file {path.name}")


def _identifier(members: Mapping[str, Any]) -> Identifier:
    return Identifier(**{**members, "needles": tuple(members["needles"]), "plain": tuple(members["plain"])})


def _is_there(ws: Workspace, key: str) -> bool:
    try:
        ws.number_of(key)
    except UnknownName:
        return False
    return True


def _as_list(stays: Mapping[RowKey, frozenset[str] | None]) -> list[Any]:
    """The rows that stay, as the run remembers them; `_stays` reads them back."""
    return [[t, list(one), None if columns is None else sorted(columns)] for (t, one), columns in stays.items()]


def _gone(found: finding.Found, plan: Plan, before: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows that have to be gone afterwards: those of before, and those found that do not stay."""
    gone = {table: list(rows) for table, rows in before.items()}
    for table, held in found.rows.items():
        gone.setdefault(table, []).extend(list(one) for one in held if (table, one) not in plan.stays)
    return gone


def _stays(secret: Mapping[str, Any]) -> dict[RowKey, frozenset[str] | None]:
    return {(t, tuple(one)): None if columns is None else frozenset(columns) for t, one, columns in secret["stays"]}


def _may_stay(stays: Mapping[RowKey, frozenset[str] | None], row: finding.Row, column: str) -> bool:
    """Whether this very cell was to be kept."""
    texts = {(t, tuple(map(str, one))): columns for (t, one), columns in stays.items()}
    place = (row.table, tuple(map(str, row.id)))
    if place not in texts:
        return False
    columns = texts[place]
    return columns is None or column in columns


def _distinctive(store: finding.Store, found: finding.Found) -> tuple[list[str], list[Residue]]:
    """Texts that stand in the person's rows and nowhere else, and places that hold one of theirs already.

    A text that is in one other place may be a copy, and a person has to look; one that is in several is common.
    """
    texts: set[str] = set()
    for table, rows in found.rows.items():
        names = [c.name for c in store.tables[table].columns if c.type == "text"]
        values = {held.row.values.get(name) for held in rows.values() for name in names}
        texts |= {v for v in values if isinstance(v, str) and len(v.strip()) >= COPY_LENGTH}
    elsewhere: dict[str, list[tuple[str, str]]] = defaultdict(list)
    spots = {*found.spared, *found.mentions, *((h.row.table, h.row.id) for h in found.texts)}
    for row, column in _copies(store, sorted(texts)):
        if row.id not in found.rows.get(row.table, {}):
            elsewhere[str(row.values[column])] += [] if (row.table, row.id) in spots else [(row.table, column)]
    copies = [places[0] for text, places in elsewhere.items() if len(places) == 1]
    why = "the same text as in a field of the person"
    return sorted(texts - set(elsewhere)), [Residue(table, column, 1, why) for table, column in sorted(copies)]


def _copies(store: finding.Store, texts: Sequence[str]) -> Iterator[tuple[finding.Row, str]]:
    """Cells that hold exactly one of these texts."""
    wanted = set(texts)
    for table in store.tables.values():
        names = [c.name for c in table.columns if c.type == "text"]
        if names and wanted and not table.derived:
            for row in store.holding(table.name, names, sorted(wanted)):
                yield from ((row, name) for name in names if row.values[name] in wanted)


def _names(line: str, strong: Sequence[Identifier], keys: set[str]) -> bool:
    cells = {cell.strip().strip('"') for cell in line.split(",")}
    return bool(cells & keys) or bool(ids.occurrences(line, strong))


def _files(folder: Path, but: Iterable[str] = ()) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name in but or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _seen(residue: Mapping[str, Any], found: Sequence[Residue]) -> bool:
    return any((r.table, r.column) == (residue["table"], residue["column"]) for r in found)


def _outcome(run: Run) -> Outcome:
    o = run.outcome
    return Outcome(
        run.id,
        run.status,
        o["deleted"],
        o["changed"],
        tuple(Kept.read(k) for k in o["kept"]),
        o["spared"],
        tuple(Residue(**r) for r in o["residues"]),
        tuple(Residue(**r) for r in o["collateral"]),
        tuple(Residue(**r) for r in o["review"]),
        tuple(o["limits"]),
        o["recipients"],
        o["checked"],
        -1 if run.entry is None else run.entry,
    )


__all__: Sequence[str] = (
    "ErasurePlan",
    "Keep",
    "Outcome",
    "begin_erasure",
    "erase_customer",
    "erasure_status",
    "plan_erasure",
    "resume_erasures",
    "retry_erasure",
    "run_erasure",
)
