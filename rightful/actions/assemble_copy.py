"""The copy of everything held about a customer: put together, looked through, kept until fetched.

gather   every table of the source about this customer, and every connected system; each look is recorded
decide   field by field: given, masked, or kept back with its reason
act      the zip sealed under the customer's key, with its entry; fetched once, in the portal

Easy to get wrong: free text about two people (nothing of it leaves before a person has looked);
a sensitive field for whoever reads the mailbox; derived values in a portable copy.

Sources: GDPR Art. 12(3), 15(1), 15(3), 15(4), 20(1); WP242 rev.01; cases O18, O19; AC-016, AC-017, AC-021.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from rightful.actions.customer_words import SENTENCES, keep_words
from rightful.actions.reach_person import ELSEWHERE, held_elsewhere
from rightful.actions.record_choice import bases_of
from rightful.actions.show_data import INFERRED, origin_of
from rightful.actions.show_disclosures import disclosures_of
from rightful.actions.take_step import digest, private_text
from rightful.errors import BadInput, NotFound, StepRefused
from rightful.gate import use
from rightful.ledger.record import Draft
from rightful.rights import copy as copies
from rightful.rights.copy import Copy, FieldSeen, PurposeSeen, Received, Withheld
from rightful.rights.models import KeptCopy
from rightful.rights.rules import COPIES, Case, Kind, Level, sensitive_part_may_leave
from rightful.terms import LawfulBasis
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT_DAYS = 14
TICKET_MINUTES = 5
SEVERAL_WORDS = 4
_PORTABLE = frozenset({LawfulBasis.CONSENT, LawfulBasis.CONTRACT})
RIGHTS = (
    "You can have wrong data corrected, and your data erased or no longer used.",
    "You can object, and withdraw any consent as easily as you gave it.",
    "You can complain to the authority for data protection where you live.",
    "We do not charge for this copy.",
)


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text a person has to look at before it leaves. `proposal` has foreign addresses and numbers taken out."""

    place: str
    field: str
    text: str
    proposal: str
    verdict: str


def assemble(ws: Workspace, case: Case, *, actor: str) -> Copy:
    """Put the copy together as it may leave now. The look is recorded like any other.

    Raises:
        StepRefused: nobody is known, or not surely enough, to be the one who asks.
    """
    if case.no is None or case.reached < Level.CHANNEL:
        raise StepRefused("it is not sure enough who asks", code="rights.identity-not-shown")
    now = ws.ledger.check_clock()
    held = _held(ws, case.no, actor)
    bound, policy = ws.facts.bound, ws.facts.policy
    serves = _serves(ws, case.no)
    reviews = ws.cases.reviews(case.id)
    sensitive_leaves = sensitive_part_may_leave(case, now)
    withheld: dict[tuple[str, str], None] = {}
    tables: dict[str, list[Mapping[str, Any]]] = {}
    fields: dict[str, FieldSeen] = {}
    customer_table = ws.facts.customer_table()
    for table, rows in held.items():
        kept = tables.setdefault(table, [])
        for row in rows:
            shown: dict[str, Any] = {}
            for column, value in row.items():
                name = f"{table}.{column}"
                category = bound.category_of.get(name, "not classified")
                origin = origin_of(policy, category, own_table=table == customer_table.name)
                why, value = _fate(ws, case, name, category, origin, value, reviews, serves, sensitive_leaves, now)
                if why:
                    withheld[(name, why)] = None
                    continue
                shown[column] = value
                if name not in fields:
                    purposes = serves.get(name, ())
                    keeps = "; ".join(dict.fromkeys(keep_words(p.keep) for p, _ in purposes if p.keep))
                    fields[name] = FieldSeen(
                        name,
                        category,
                        origin,
                        tuple(dict.fromkeys(p.id for p, _ in purposes)),
                        keeps or "as long as you are a customer",
                    )
            if shown:
                kept.append(shown)
    key = use.customer_key(ws, case.no) or ""
    whole = case.kind is Kind.ACCESS
    return Copy(
        request=case.ref,
        kind=case.kind.value,
        organisation=policy.name,
        contact=policy.owner,
        made_at=EPOCH + timedelta(microseconds=now),
        customer=key,
        tables=tables,
        fields=tuple(fields.values()),
        purposes=_purposes(ws, case.no) if whole else (),
        recipients=_received(ws, key) if whole else (),
        withheld=tuple(Withheld(name, why) for name, why in withheld),
        uses=len(ws.ledger.entries_of(case.subject)) if whole else 0,
        rights=RIGHTS,
    )


def keep_copy(ws: Workspace, case: Case, *, actor: str) -> KeptCopy:
    """Assemble the copy and keep it sealed until the customer fetches it. Replaces an earlier one."""
    made = assemble(ws, case, actor=actor)
    zipped = copies.as_zip(made)
    now = ws.clock()
    withheld = sorted({(w.field, w.why) for w in made.withheld})
    public = {
        "request": case.kind.value,
        "tables": sorted(made.tables),
        "field_count": len(made.fields),
        "withheld": len(withheld),
        "level": int(case.reached),
    }
    private = {"ref": case.ref, "sha256": sha256(zipped).hexdigest(), "withheld": withheld, "actor": actor}
    stored: list[KeptCopy] = []

    def rows(tx: Any, entries: list[Any]) -> None:
        sealed = ws.ledger.seal(zipped, _place(case), case.subject)
        until = now + KEPT_DAYS * 86_400_000_000
        kept = KeptCopy(case.id, now, until, sealed, sha256(zipped).hexdigest(), json.dumps(withheld), entries[0].index)
        ws.cases.keep_copy(tx, kept)
        stored.append(kept)

    ws.journal.record([Draft("request.copy-made", public, private, subject=case.subject)], rows)
    return stored[0]


def ticket_for(ws: Workspace, case: Case, session: str) -> str:
    """A ticket that opens the copy once, for this browser session only (AC-017).

    Raises:
        NotFound: there is no copy, or its time is over.
    """
    _copy_there(ws, case)
    ticket = secrets.token_urlsafe(24)
    until = ws.clock() + TICKET_MINUTES * 60_000_000
    with ws.control.write() as tx:
        ws.cases.give_ticket(tx, digest(ws, "ticket", ticket), case.id, digest(ws, "session", session), until)
    return ticket


def fetch(ws: Workspace, case: Case, ticket: str, session: str) -> bytes:
    """The zip, for whoever brings the ticket in the session it was given to. The ticket is used up.

    Raises:
        NotFound: no such copy, ticket or session; one answer for all.
    """
    kept = _copy_there(ws, case)
    with ws.control.write() as tx:
        fits = ws.cases.use_ticket(
            tx, digest(ws, "ticket", ticket), case.id, digest(ws, "session", session), ws.clock()
        )
    zipped = ws.ledger.unseal(kept.sealed, _place(case), case.subject) if fits else None
    if zipped is None:
        raise NotFound("this link was used, or is not yours", remedy="Open the request again and press Download")
    ws.journal.record(
        [
            Draft(
                "request.copy-fetched",
                {"request": case.kind.value},
                {"ref": case.ref, "sha256": kept.digest, "actor": "self"},
                subject=case.subject,
            )
        ]
    )
    return zipped


def free_texts(ws: Workspace, case: Case, *, actor: str) -> tuple[FreeText, ...]:
    """The texts of a copy that a person has to look at, each with a proposal. The look is recorded."""
    if case.no is None or case.kind not in COPIES:
        return ()
    held = _held(ws, case.no, actor)
    reviews = ws.cases.reviews(case.id)
    own = _own_identifiers(held, ws.facts.customer_table().name)
    found: dict[str, FreeText] = {}
    for table, rows in held.items():
        for row in rows:
            for column, value in row.items():
                name = f"{table}.{column}"
                if not is_reviewed_field(ws, name, value):
                    continue
                place = place_of(ws, name, str(value))
                verdict, entry = reviews.get(place, ("", -1))
                proposal = private_text(ws, entry) if verdict == "give" else copies.without_others(str(value), own)
                found.setdefault(place, FreeText(place, name, str(value), proposal, verdict))
    return tuple(found.values())


def review_text(ws: Workspace, case: Case, place: str, verdict: str, text: str, *, actor: str) -> None:
    """A person says what of a free text may leave: "give" with the text as it shall read, or "withhold".

    Raises:
        BadInput: no such verdict, or the text still names another customer's address.
    """
    if verdict not in ("give", "withhold"):
        raise BadInput(f"{verdict} is no verdict", remedy="give or withhold")
    if verdict == "give":
        for address in copies.addresses_in(text):
            if any(no != case.no for no, _ in _customers_at(ws, address)):
                raise BadInput(
                    "the text still holds the address of another customer",
                    remedy="Take it out, or withhold the text",
                )
    move = {"place": place, "verdict": verdict, "text": text if verdict == "give" else "", "ref": case.ref}
    draft = Draft(
        "request.text-reviewed",
        {"request": case.kind.value, "verdict": verdict},
        {**move, "actor": actor},
        subject=case.subject,
    )
    ws.journal.record([draft], lambda tx, entries: ws.cases.note_review(tx, case.id, place, verdict, entries[0].index))


def is_reviewed_field(ws: Workspace, name: str, value: object) -> bool:
    """Whether a value waits for a person before it may be in a copy."""
    if value is None or not str(value).strip():
        return False
    category = ws.facts.bound.category_of.get(name, "")
    known = ws.facts.policy.categories.get(category)
    treated = known is not None and known.treat_as_special and not known.special
    if ELSEWHERE in name and isinstance(value, str) and len(value.split()) >= SEVERAL_WORDS:
        return True  # nobody classified the fields of other systems: any sentence may name somebody
    return copies.is_free_text(category, value) or (treated and isinstance(value, str))


def place_of(ws: Workspace, name: str, text: str) -> str:
    """Where a text stands and which text it is: a changed text is another one, and looked at again."""
    return f"{name}/{digest(ws, 'text', text)}"


def _fate(
    ws: Workspace,
    case: Case,
    name: str,
    category: str,
    origin: str,
    value: Any,
    reviews: Mapping[str, tuple[str, int]],
    serves: Mapping[str, list[tuple[Any, frozenset[LawfulBasis]]]],
    sensitive_leaves: bool,
    now: int,
) -> tuple[str, Any]:
    """("", what leaves) or (why it does not, None)."""
    if category in copies.ABOUT_OTHERS:
        return "", None if value is None else copies.SOMEBODY_ELSE
    known = ws.facts.policy.categories.get(category)
    if known is not None and known.special and value is not None and not sensitive_leaves:
        return "cool-down" if case.reached >= Level.SECOND else "second-proof", None
    if case.kind is Kind.PORTABILITY and not _portable(origin, serves.get(name, [])):
        return "not-portable", None
    if is_reviewed_field(ws, name, value):
        verdict, entry = reviews.get(place_of(ws, name, str(value)), ("", -1))
        if verdict == "give":
            return "", private_text(ws, entry)
        return "not-given" if verdict == "withhold" else "review", None
    return "", value


def _portable(origin: str, purposes: list[tuple[Any, frozenset[LawfulBasis]]]) -> bool:
    """Art. 20(1): provided by the customer (or seen of them), and held by consent or contract."""
    return origin != INFERRED and any(bases & _PORTABLE for _, bases in purposes)


def _serves(ws: Workspace, no: int) -> dict[str, list[tuple[Any, frozenset[LawfulBasis]]]]:
    """field -> the purposes it serves, each with what it rests on where the customer lives."""
    found: dict[str, list[tuple[Any, frozenset[LawfulBasis]]]] = {}
    for purpose in ws.facts.policy.purposes.values():
        if purpose.abstract:
            continue
        bases = bases_of(ws, no, purpose)
        for name in ws.facts.bound.fields_of(purpose.id):
            found.setdefault(name, []).append((purpose, bases))
    return found


def _purposes(ws: Workspace, no: int) -> tuple[PurposeSeen, ...]:
    return tuple(
        PurposeSeen(
            p.id,
            p.says,
            "; ".join(SENTENCES[b.value] for b in LawfulBasis if b in bases_of(ws, no, p)),
            keep_words(p.keep),
            p.recipients,
        )
        for p in ws.facts.policy.purposes.values()
        if not p.abstract
    )


def _received(ws: Workspace, key: str) -> tuple[Received, ...]:
    return tuple(
        Received(
            one.recipient,
            one.kind,
            one.country,
            one.safeguard,
            one.purpose,
            one.at.date().isoformat(),
            tuple(one.fields),
        )
        for one in disclosures_of(ws, key)
    )


def _held(ws: Workspace, no: int, actor: str) -> dict[str, list[dict[str, Any]]]:
    return {**use.own_data(ws, no, actor=actor, kind="use.copy"), **held_elsewhere(ws, no, actor=actor)}


def _own_identifiers(held: Mapping[str, list[dict[str, Any]]], table: str) -> set[str]:
    return {str(v) for row in held.get(table, []) for v in row.values() if isinstance(v, str) and v.strip()}


def _customers_at(ws: Workspace, address: str) -> list[tuple[int, str]]:
    column = str(ws.config.get("subject", {}).get("email", ""))
    return use.customers_by_contact(ws, column, address) if column else []


def _copy_there(ws: Workspace, case: Case) -> KeptCopy:
    kept = ws.cases.copy_of(case.id)
    if kept is None or kept.until_us <= ws.clock():
        raise NotFound("there is no copy to fetch", remedy="Ask again; a copy is kept for 14 days")
    return kept


def _place(case: Case) -> str:
    return f"rights-copy/{case.ref}"
