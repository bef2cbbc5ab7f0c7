"""A customer is erased in a system behind an interface, checked afterwards, and said as it is.

gather   whom to look for, noted (sealed) before anything is erased anywhere; then the system's records
decide   one answer for every record and field (`gate/erasure_plan.py`, as for a database)
act      call by call, each one harmless to repeat
verify   by the links again, by the words of every field that can be searched, by earlier versions

The status is that of a database's erasure: `complete`; `partly`, if a law keeps something;
`incomplete`, with what is left and why. A system that does not answer, or takes no more
calls, ends nothing: the run stays open and goes on from where it stands.

Easy to get wrong: to forget whom to look for because the customer's own record went first;
to call something gone because the call was made; to take a refusal for a fault - a posted
invoice that cannot be deleted is an answer, and belongs into the list.

Sources: GDPR Art. 17, 5(2); DESIGN section 7; decision record 0021.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rightful.actions.connect_system import system_of
from rightful.actions.erase_customer import fresh_token
from rightful.actions.reach_person import Wanted, identifier, keys_of, reaching, wanted_of
from rightful.actions.view_customer import may_look
from rightful.errors import BadInput
from rightful.gate import dispose
from rightful.gate import erasure_plan as planning
from rightful.gate import find as finding
from rightful.gate.erasure_plan import Keep, Kept, Plan, Residue
from rightful.gate.links import Link
from rightful.gate.systems import Reach, System
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.retention.elsewhere import Run, Status, new_id
from rightful.workspace import Workspace

Step = Callable[[str], None]
NUMBER = "the system's own number of a record that stays"
WHY = {
    "system.refused": "the system refused: a rule of its own",
    "system.changed-meanwhile": "somebody else changed the record meanwhile",
    "system.failed": "the system failed at it",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an erasure in a system ended, without personal data. `people`: records of people that were the customer's;
    `checked`: kinds of record and fields that were looked through afterwards."""

    run: str
    system: str
    status: Status
    people: int
    deleted: Mapping[str, int]
    changed: Mapping[str, int]
    kept: tuple[Kept, ...]
    spared: Mapping[str, int]
    residues: tuple[Residue, ...]
    collateral: tuple[Residue, ...]
    review: tuple[Residue, ...]
    limits: tuple[str, ...]
    checked: Mapping[str, int]
    certificate: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What an erasure in a system would do, in numbers; nothing has happened yet."""

    people: int
    deletes: Mapping[str, int]
    changes: Mapping[str, int]
    kept: tuple[Kept, ...]
    spared: Mapping[str, int]
    unresolved: tuple[Residue, ...]
    review: tuple[Residue, ...]
    undecided: tuple[tuple[str, int], ...]
    doubles: tuple[finding.Double, ...]


def plan_elsewhere(
    ws: Workspace, name: str, key: str, *, actor: str, purpose: str = "", records: Sequence[str] = ()
) -> Planned:
    """A dry run.

    Raises:
        NotPermitted: the purpose does not let the actor look at the customer; recorded.
        NotFound, BadInput, SourceUnavailable, SystemRefused: as `erase_elsewhere`.
    """
    may_look(ws, actor, purpose, key)
    system = system_of(ws, name)
    wanted = wanted_of(ws, system, ws.number_of(key))
    with reaching(ws, system) as (reach, followed, proposed):
        keys = keys_of(reach, system, wanted, records)
        found = finding.find(reach, keys, followed, proposed, region=wanted.region, known=wanted.identifiers)
        plan = _plan(reach, system, found, followed)
    undecided = tuple((link.id, rows) for link, rows in found.undecided)
    return Planned(
        len(keys), plan.deletes, plan.changed, plan.kept, plan.spared, plan.unresolved,
        tuple(planning.merged(plan.review)), undecided, found.doubles,
    )  # fmt: skip


def erase_elsewhere(
    ws: Workspace,
    name: str,
    key: str,
    *,
    actor: str,
    purpose: str = "",
    records: Sequence[str] = (),
    apart: Sequence[str] = (),
    at: Step | None = None,
) -> Outcome:
    """Erase a customer in a system now. Goes on with an erasure that was begun and interrupted.

    Args:
        records: which of the system's people are this customer, where several fit.
        apart: records that look like the same person and are known to be somebody else.

    Raises:
        NotFound: no such system.
        BadInput: several of its people fit, or may be the same person; a legal hold keeps the customer's data.
        NotPermitted: the purpose does not let the actor look at the customer; recorded.
        SourceUnavailable, SystemRefused: the run stays open; call again to go on.
    """
    if actor != "self":
        may_look(ws, actor, purpose, key)
    run = note_erasure(ws, name, ws.number_of(key), actor=actor, records=records, apart=apart)
    return run_elsewhere(ws, run.id, records=records, apart=apart, at=at)


def note_erasure(
    ws: Workspace,
    name: str,
    no: int,
    *,
    actor: str,
    request: int = 0,
    records: Sequence[str] = (),
    apart: Sequence[str] = (),
) -> Run:
    """Note whom to erase; the system is not called. An open run is found again."""
    system, subject = system_of(ws, name), ws.subject_id(no)
    known = ws.elsewhere.of(name, request=request) if request else ws.elsewhere.of(name, subject=subject)
    if known is not None and (known.open or request):
        return known
    secret = {
        "actor": actor, "wanted": wanted_of(ws, system, no).as_dict(), "records": list(records), "apart": list(apart),
    }  # fmt: skip
    run, now = new_id(), ws.ledger.check_clock()
    draft = Draft("system.erasure-noted", {"run": run, "system": name}, {"actor": actor}, subject)
    ws.journal.record([draft], lambda tx, _: ws.elsewhere.begin(tx, name, subject, request, now, secret, run))
    return ws.elsewhere.get(run)


def run_elsewhere(
    ws: Workspace, run: str, *, records: Sequence[str] = (), apart: Sequence[str] = (), at: Step | None = None
) -> Outcome:
    """Carry out an erasure, or go on with it: each step that is not done yet, then the check.

    Raises:
        NotFound: there is no such run.
        BadInput, SourceUnavailable, SystemRefused: the run stays open.
    """
    stop = at or (lambda _name: None)
    known = ws.elsewhere.get(run)
    if not known.open:
        return _outcome(known)
    work = _Work(ws, known)
    if any(work.secret["no"] in hold.customers for hold in ws.holds.in_force(ws.clock()) if hold.customers is not None):
        raise BadInput("a legal hold keeps this customer's data", code="erasure.held")
    if records or apart:
        work.remember(records=list(records or work.secret["records"]), apart=list(apart or work.secret["apart"]))
    with reaching(ws, work.system) as (reach, followed, proposed):
        work.reach, work.links, work.proposed = reach, followed, proposed
        for name, step in (("planned", work.plan), ("changed", work.change)):
            if not ws.elsewhere.get(run).done(name):
                stop(f"before {name}")
                step(stop)
                work.remember(step=name)
                stop(f"noted {name}")
        stop("before closed")
        return work.close()


def resume_elsewhere(ws: Workspace) -> tuple[list[Outcome], list[tuple[str, str]]]:
    """Go on with every erasure that is open: (how those ended that did, run and code of those that did not)."""
    from rightful.errors import RightfulError

    ended, open_ = [], []
    for run in ws.elsewhere.all():
        if run.open:
            try:
                ended.append(run_elsewhere(ws, run.id))
            except RightfulError as fault:
                open_.append((run.id, fault.code))
    return ended, open_


def retry_elsewhere(ws: Workspace, run: str) -> Outcome:
    """Take up an erasure that ended incomplete, after the cause is gone.

    Raises:
        BadInput: it ended, and what it knew of the person was destroyed.
    """
    if ws.elsewhere.secret(run) is None:
        raise BadInput(f"erasure {run} has ended and cannot be taken up again")
    if not ws.elsewhere.get(run).open:
        with ws.control.write() as tx:
            ws.elsewhere.reopen(tx, run)
    return run_elsewhere(ws, run)


def status_elsewhere(ws: Workspace, run: str) -> Outcome:
    """How an erasure ended.

    Raises:
        NotFound: there is no such run.
        BadInput: it has not ended yet.
    """
    known = ws.elsewhere.get(run)
    if known.open:
        raise BadInput(f"erasure {run} has not ended: step {known.step} is done", remedy="Resume it")
    return _outcome(known)


class _Work:
    """One run, taken up wherever it stands."""

    reach: Reach
    links: list[Link]
    proposed: list[Link]

    def __init__(self, ws: Workspace, run: Run) -> None:
        self.ws = ws
        self.run = run
        self.system: System = system_of(ws, run.system)
        secret = ws.elsewhere.secret(run.id)
        if secret is None:
            raise BadInput(f"erasure {run.id} has ended and cannot be taken up again")
        self.secret = secret
        self._found: finding.Found | None = None  # by the step just before, not by an interrupted attempt

    def remember(self, *, step: str = "", **more: Any) -> None:
        self.secret = {**self.secret, **more}
        with self.ws.control.write() as tx:
            self.ws.elsewhere.remember(tx, self.run.id, self.secret, step=step)

    def plan(self, _stop: Step) -> None:
        """Find the person, and keep what has to be looked for at the end."""
        wanted = Wanted.read(self.secret["wanted"])
        keys = keys_of(self.reach, self.system, wanted, self.secret["records"])
        found = finding.find(
            self.reach, keys, self.links, self.proposed, region=wanted.region, known=wanted.identifiers
        )
        looks_alike = [d.key for d in found.doubles if d.strong and d.key not in self.secret["apart"]]
        if looks_alike:
            raise BadInput(
                f"{len(looks_alike)} other records may be the same person: {', '.join(looks_alike)}",
                remedy="Name each of them: --record for this person, --apart for somebody else",
                code="system.several-people",
            )
        plan = _plan(self.reach, self.system, found, self.links)
        self._found = found
        self.remember(
            keys=keys,
            identifiers=[asdict(i) for i in found.identifiers],
            held={kind: [one[0] for one in rows] for kind, rows in found.rows.items()},
            counts=self.reach.counts(self._kinds()),
            review=[asdict(r) for r in plan.review],
            undecided=[[link.id, rows] for link, rows in found.undecided],
            limits=list(found.unread),
            changed={},
        )

    def change(self, stop: Step) -> None:
        """The plan, worked out again on the records as they are now, and carried out call by call.

        What the system does not let anybody delete (a confirmed order) stays, and is emptied in a second round.
        """
        found = self._found or self._found_now()
        undeletable: set[str] = set()
        while True:
            plan = _plan(self.reach, self.system, found, self.links, undeletable)
            self._keep_in_mind(found, plan)
            done = dispose.erase_records(
                self.ws,
                self.reach.system,
                plan.changes,
                self.reach.tables,
                public={"run": self.run.id, "system": self.system.name},
                private={"actor": self.secret["actor"]},
                subject=self.run.subject,
                at=lambda change: stop(f"before {change.table}"),
            )
            self.remember(changed=planning.added(self.secret["changed"], done.changed))
            more = {one.table for one in done.refused if not one.column} - undeletable
            if not more:
                break
            undeletable |= more
            found = self._found_now()
        numbers = [
            asdict(Kept(r.table, r.rows, (r.column,), NUMBER, kind="structure")) for r in done.refused if r.number
        ]
        refused = [
            asdict(Residue(r.table, r.column, r.rows, WHY.get(r.code, r.code))) for r in done.refused if not r.number
        ]
        self.remember(refused=refused, kept=[*self.secret["kept"], *numbers])

    def _keep_in_mind(self, found: finding.Found, plan: Plan) -> None:
        """What has to be looked for at the end, before anything of it happens."""
        held: dict[str, list[object]] = {kind: list(some) for kind, some in self.secret["held"].items()}
        for kind, rows in found.rows.items():
            known = held.setdefault(kind, [])
            known += [one[0] for one in rows if one[0] not in known]
        self.remember(
            held=held,
            stays=[[t, one[0], None if c is None else sorted(c)] for (t, one), c in plan.stays.items()],
            kept=[asdict(k) for k in plan.kept],
            spared=dict(plan.spared),
            unresolved=[asdict(r) for r in plan.unresolved],
        )

    def close(self) -> Outcome:
        """Ask the system again for everything, say how it came out, and destroy what the run remembered."""
        ws, secret = self.ws, self.secret
        deleted = {kind: len(some) - self._there(kind, some) for kind, some in sorted(secret["held"].items())}
        left = list(self._left())
        refused = [Residue(**r) for r in secret["refused"]]
        places = {(r.table, r.column) for r in left}
        residues = [*left, *(r for r in refused if (r.table, r.column) not in places)]
        residues += [Residue(**r) for r in secret["unresolved"]]
        waiting = {d.link.id for d in ws.links_of(self.system.name).all() if d.state == "proposed"}
        residues += [
            Residue(name.rpartition(">")[0].rpartition(".")[0], name, rows, "a proposed link nobody decided about")
            for name, rows in secret["undecided"]
            if name in waiting
        ]
        collateral = list(self._collateral(deleted))
        kept = [Kept.read(k) for k in secret["kept"]]
        status = planning.status_of(residues, collateral, kept)
        fields = sum(c.type in ("text", "json") for t in self.reach.tables.values() for c in t.columns)
        outcome = {
            "people": len(secret["keys"]),
            "deleted": {kind: count for kind, count in deleted.items() if count},
            "changed": {kind: count for kind, count in secret["changed"].items() if count},
            "kept": [asdict(k) for k in kept],
            "spared": secret["spared"],
            "residues": [asdict(r) for r in planning.merged(residues)],
            "collateral": [asdict(r) for r in collateral],
            "review": [asdict(r) for r in planning.merged(Residue(**r) for r in secret["review"])],
            "limits": sorted({*secret["limits"], *self.reach.not_looked_through}),
            "checked": {"kinds": len(self.reach.tables), "text_fields": fields, "links": len(self.links)},
        }
        public = {"run": self.run.id, "system": self.system.name, "status": status, **outcome}
        now = ws.ledger.check_clock()

        def rows(tx: Tx, entries: list[Entry]) -> None:
            again = status == "incomplete"
            ws.elsewhere.close(tx, self.run.id, status, now, entries[0].index, outcome, again=again)

        ws.journal.record([Draft("system.erasure-closed", public)], rows)
        ws.control.scrub("erasure_elsewhere", rewrite=True)
        return _outcome(ws.elsewhere.get(self.run.id))

    # --- helpers of the steps ---

    def _found_now(self) -> finding.Found:
        """What is there of the person: by the links from their own record, and what was found before."""
        known = [identifier(i) for i in self.secret["identifiers"]]
        region = self.secret["wanted"]["region"]
        rows = [
            row for kind, some in self.secret["held"].items() for row in self.reach.by_id(kind, [(i,) for i in some])
        ]
        there = {str(row.id[0]) for row in rows if row.table == self.system.people}
        keys = [key for key in self.secret["keys"] if key in there]
        found = finding.find(self.reach, keys, self.links, region=region, known=known)
        orphaned = [r for r in rows if r.id not in found.rows.get(r.table, {}) and (r.table, r.id) not in found.spared]
        if orphaned:  # an earlier attempt took what led to them
            more = finding.follow(self.reach, orphaned, self.secret["keys"], self.links)
            for kind, held in more.rows.items():
                for one, row in held.items():
                    found.rows.setdefault(kind, {}).setdefault(one, row)
            found.texts = tuple(h for h in found.texts if h.row.id not in found.rows.get(h.row.table, {}))
        return found

    def _kinds(self) -> list[str]:
        """Kinds that the links touch: where more could vanish than was planned."""
        touched = {x.child for x in self.links} | {x.parent for x in self.links}
        return sorted(touched & set(self.reach.tables))

    def _left(self) -> Iterator[Residue]:
        secret, reach = self.secret, self.reach
        stays = {(t, one): None if columns is None else frozenset(columns) for t, one, columns in secret["stays"]}
        gone = {kind: [i for i in some if (kind, i) not in stays] for kind, some in secret["held"].items()}
        for kind, some in gone.items():
            if there := self._there(kind, some):
                yield Residue(kind, "", there, "records that were to be deleted are there")
        walk = finding._Walk(reach, self.links, "")
        for link in walk.links:
            if link.role != "belongs" or link.kind == "value":
                continue
            values = secret["held"].get(link.parent, [])
            rows = [r for r in walk.rows_of(link, values) if r.id[0] not in secret["held"].get(r.table, [])]
            spared = [r for r in rows if walk._somebody_else(r, link)]
            if len(rows) > len(spared):
                yield Residue(link.child, link.columns[0], len(rows) - len(spared), f"records {link.id} still leads to")
        strong = planning.surviving([identifier(i) for i in secret["identifiers"]])
        for hit in reach.text_hits(strong, {}):
            if (hit.row.table, hit.row.id[0]) in stays:
                columns = stays[hit.row.table, hit.row.id[0]]
                if columns is None or hit.column in columns:
                    continue
            if hit.row.id[0] not in gone.get(hit.row.table, []):
                yield Residue(hit.row.table, hit.column, 1, f"a text still names the person ({', '.join(hit.kinds)})")
        before: dict[str, int] = defaultdict(int)
        for record in reach.former({kind: [(i,) for i in some] for kind, some in secret["held"].items()}):
            texts = [v for v in record.values.values() if isinstance(v, str)]
            if any(texts) or record.id in secret["held"][record.kind]:
                before[record.kind] += 1
        for kind, count in before.items():
            yield Residue(kind, "", count, "earlier versions that the system keeps; its interface cannot erase them")

    def _there(self, kind: str, some: Sequence[object]) -> int:
        return self.reach.still_there(kind, [(one,) for one in some])

    def _collateral(self, deleted: Mapping[str, int]) -> Iterator[Residue]:
        """Fewer records than there should be: the system took more with it, or somebody deleted some meanwhile."""
        now = self.reach.counts(self.secret["counts"])
        for kind, count in self.secret["counts"].items():
            missing = count - deleted.get(kind, 0) - now.get(kind, count)
            if missing > 0:
                yield Residue(kind, "", missing, "fewer records are there than planned: look who deleted them")


def _plan(
    reach: Reach, system: System, found: finding.Found, links: Sequence[Link], undeletable: Collection[str] = ()
) -> Plan:
    """`undeletable`: kinds of which the system has refused to delete a record of the person."""
    tables = planning.Tables(reach.tables, dict.fromkeys(reach.tables, ("id",)), frozenset(), {})
    keeps = [Keep(kind, None, why, "GDPR 17(3)(b)") for kind, why in system.keeps.items() if found.rows.get(kind)]
    keeps += [
        Keep(kind, frozenset(), "the system does not let it be deleted", kind="structure")
        for kind in undeletable
        if kind not in system.keeps
    ]
    return planning.plan_erasure(found, tables, links, keeps, token=fresh_token())


def _outcome(run: Run) -> Outcome:
    told = dict(run.outcome)
    for name in ("residues", "collateral", "review"):
        told[name] = tuple(Residue(**r) for r in told[name])
    told["kept"] = tuple(Kept.read(k) for k in told["kept"])
    told["limits"] = tuple(told["limits"])
    assert run.entry is not None
    return Outcome(run=run.id, system=run.system, status=run.status, certificate=run.entry, **told)
