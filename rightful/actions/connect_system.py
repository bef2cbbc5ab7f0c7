"""A CRM that is reached by its interface is connected: where it is, as whom, and who its people are.

gather   what the system says of itself; its kinds of record and what they name
decide   whether calls may go there at all; whether the fields named are there
act      rightful.json (never a secret), the links, an entry

Easy to get wrong: a secret on a command line stands in every list of processes, so only
the name of its place is taken; an address inside is refused until the administrator
says that it is meant.

Sources: OWASP ASVS 5.0 V13.2.4, V13.3.1; AC-047, AC-049.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from rightful.actions.find_person import ROLES
from rightful.actions.register_source import keep_config
from rightful.errors import BadInput, NotFound
from rightful.gate import find as finding
from rightful.gate import systems
from rightful.gate.link_book import State
from rightful.gate.links import SURE, Decided, Role
from rightful.gate.systems import System
from rightful.ledger.record import Draft
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Connected:
    """A system that answers: what it says it is, how many kinds of record it shows, what is not readable."""

    system: System
    says: str
    kinds: int
    unread: tuple[str, ...]
    links: tuple[Decided, ...]


def connect(ws: Workspace, system: System, *, actor: str) -> Connected:
    """Connect a system, or say anew how it is reached. Nothing of a customer is looked at but the shape of fields.

    Raises:
        TargetRefused: its address is not public, and nobody said that it is meant.
        BadInput: no name, or not exactly one place for its secret.
        UnknownName: our column or their field is not there.
        SourceUnavailable, SystemRefused: it does not answer, or lets this account not in.
    """
    if not systems.NAME.fullmatch(system.name):
        raise BadInput("a system has a name of small letters, digits and dashes")
    if system.name in ws.config.get("systems", {}):
        raise BadInput(f"{system.name} is a system without a connector already", remedy="Take it out of rightful.json")
    if bool(system.secret_env) == bool(system.secret_file):
        raise BadInput("a system needs one place where its secret is kept", remedy="Name --secret-env or --secret-file")
    if system.secret_file:
        system = replace(system, secret_file=str(Path(system.secret_file).resolve()))
    columns = {c.name for c in ws.facts.customer_table().columns}
    for column in (system.match[0], *system.carries):
        if column not in columns:
            raise BadInput(f"the customer table has no column {column}", remedy="Its columns: " + ", ".join(columns))
    systems.look_at(system)
    book = ws.links_of(system.name)
    with closing(systems.open_system(system)) as opened:
        says = opened.hello()
        reach = systems.Reach(opened, system.people)
        for place in (system.match[1], *system.carries.values()):
            systems.check_place(place, reach.kinds, system.people)
        found = reach.propose([d.link for d in book.all() if d.link.kind != "foreign-key"])
    book.note(found, actor=actor)
    told = {name: value for name, value in asdict(system).items() if name != "name" and value not in ("", {}, False)}
    ws.config[systems.CONNECTED] = {**ws.config.get(systems.CONNECTED, {}), system.name: told}
    keep_config(ws)
    public = {"system": system.name, "kind": system.kind, "host": system.origin.split("//")[-1], "links": len(found)}
    ws.journal.record([Draft("system.connected", public, {"actor": actor})])
    return Connected(system, says, len(reach.tables), reach.not_looked_through, book.all())


def disconnect(ws: Workspace, name: str, *, actor: str) -> int:
    """Reach a system no more. Returns the entry.

    Raises:
        NotFound: no such system.
        BadInput: an erasure in it has not ended.
    """
    system_of(ws, name)
    if any(run.system == name and run.open for run in ws.elsewhere.all()):
        raise BadInput(f"an erasure in {name} has not ended", remedy="`rightful system erasures` shows it")
    ws.config[systems.CONNECTED] = {key: told for key, told in ws.config[systems.CONNECTED].items() if key != name}
    keep_config(ws)
    return ws.journal.record([Draft("system.disconnected", {"system": name}, {"actor": actor})])[0].index


def decide(
    ws: Workspace, name: str, links: Sequence[str], *, state: State, actor: str, role: str = "", sure: bool = False
) -> tuple[Decided, ...]:
    """Confirm or reject links of a system; as `find_person.decide_links`.

    Raises:
        NotFound: no such system.
        BadInput: no such link, no such role, or nothing to decide.
    """
    system_of(ws, name)
    if role and role not in ROLES:
        raise BadInput(f"there is no role {role}", remedy="Use one of " + ", ".join(ROLES))
    book = ws.links_of(name)
    chosen = finding.check_links([d.link for d in book.all()], links)
    if sure:
        chosen += [d.link for d in book.all() if d.state == "proposed" and d.link.confidence >= SURE]
    if not chosen:
        raise BadInput("no link was named", remedy="Name links, or take all that are sure")
    unique = {link.id: replace(link, role=cast(Role, role or link.role)) for link in chosen}
    book.decide(list(unique.values()), state, actor=actor)
    return book.all()


def system_of(ws: Workspace, name: str) -> System:
    """A connected system by its name.

    Raises:
        NotFound: there is none.
    """
    found = connected(ws).get(name)
    if found is None:
        raise NotFound(f"no system called {name} is connected", remedy="`rightful system list` shows them")
    return found


def connected(ws: Workspace) -> Mapping[str, System]:
    return systems.systems_of(ws.config)
