"""`rightful request`: customers' requests from their receipt to their answer, with their dates."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rightful.cli.verbs import LATE, OK, PARTLY, Cli, verb
from rightful.errors import BadInput

if TYPE_CHECKING:
    from rightful.rights.rules import Case

NOUN = "request"
HELP = "Requests of customers: copy, correction, erasure, objection ... with their dates and reasons."
app = typer.Typer()

Ref = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's reference: R-...")]
_ONE = {
    "request": "its reference",
    "kind": "what is asked for",
    "state": "where it stands",
    "due": "last day for the answer",
    "safe_due": "aim at this day: the earliest of any reading of the law",
    "reasoning": "how the date was counted",
    "law": "the law it goes by, and why",
}


def _facts(case: Case) -> dict[str, Any]:
    return {
        "request": case.ref,
        "kind": case.kind.value,
        "state": case.state.value,
        "due": case.due_on,
        "safe_due": case.safe_on,
        "reasoning": case.reasoning,
        "law": {"law": case.law, "clock": case.clock, "why": case.why},
    }


@verb(app, NOUN, "open", members=_ONE | {"merged": "whether the same was open already"})
def open_(
    cli: Cli,
    kind: Annotated[str, typer.Argument(help="access, portability, rectification, erasure, restriction, objection, "
                                             "opt-out, limit-sensitive, human-review or complaint.")],
    customer: Annotated[str, typer.Option("--customer", help="The customer's key.")] = "",
    contact: Annotated[str, typer.Option("--contact", help="Else the address they wrote from.")] = "",
    purpose: Annotated[str, typer.Option("--about", help="The purpose an objection is about.")] = "",
    for_: Annotated[str, typer.Option("--for", help="child or other, if it is not for themselves.")] = "",
    text: Annotated[str, typer.Option(help="What they wrote; sealed.")] = "",
    received: Annotated[str, typer.Option(help="Day it arrived, if earlier than today: 2026-03-05.")] = "",
    language: Annotated[str, typer.Option(help="Language of the letters: en, de, fr, es, ar.")] = "en",
    parent: Annotated[str, typer.Option("--against", help="The request a complaint is about.")] = "",
    correct: Annotated[list[str] | None, typer.Option("--correct", help="A detail to put right: "
                                                                        "customer.city=Cork.")] = None,
) -> int:  # fmt: skip
    """Take a request in. It begins once it is sure who asks; one open request per customer and kind."""
    from rightful.actions.answer_request import take_in

    with cli.open() as ws:
        done = take_in(
            ws,
            kind,
            key=customer,
            contact=contact,
            source="cli",
            on_behalf=for_,
            text=text,
            scope={"purpose": purpose} if purpose else {},
            language=language,
            actor=cli.operator,
            received_us=_noon_us(ws.facts.policy.timezone, received),
            parent=parent.strip().upper(),
            corrections=[dict(zip(("field", "value"), _equals(one), strict=True)) for one in correct or ()],
        )
    cli.answer(**_facts(done.case), merged=done.merged)
    return _told(cli, done.case, "The same is open already; the first date stays." if done.merged else "")


@verb(
    app,
    NOUN,
    "list",
    members={
        "requests": "list of {request, kind, state, received, due, safe_due, days_left, law, source, extended, "
        "paused, waits_for}, the most pressing first",
        "overdue": "how many of all are past their date",
    },
)
def list_(
    cli: Cli,
    state: Annotated[list[str] | None, typer.Option("--state", help="A state, or open, or closed.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="A kind of request.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their date; exit code 7 if any.")] = False,
    limit: Annotated[int, typer.Option("-n", help="How many.", min=1)] = 100,
) -> int:
    """Requests and their dates. With --overdue the exit code says whether a date was missed."""
    from rightful.actions import see_requests as see
    from rightful.rights.models import Filter

    with cli.open() as ws:
        today = see.today(ws)
        wanted = Filter(states=tuple(state or ("open",)), kinds=tuple(kind or ()), overdue_on=today if overdue else "")
        lines = see.listed(ws, wanted, limit=limit)
        late = ws.cases.count(Filter(overdue_on=today))
    cli.answer(
        requests=[
            {
                "request": line.case.ref,
                "kind": line.case.kind.value,
                "state": line.case.state.value,
                "received": line.received,
                "due": line.case.due_on,
                "safe_due": line.case.safe_on,
                "days_left": line.days_left,
                "law": line.case.law,
                "source": line.case.source,
                "extended": line.case.extended,
                "paused": line.case.paused,
                "waits_for": line.waits_for or None,
            }
            for line in lines
        ],
        overdue=late,
    )
    rows = [
        (line.case.ref, line.case.kind.value, line.case.state.value, line.case.safe_on, line.case.due_on,
         "" if line.days_left is None else str(line.days_left), line.case.law)
        for line in lines
    ]  # fmt: skip
    cli.table(("request", "kind", "state", "aim at", "due", "days", "law"), rows, right=(5,))
    if late:
        cli.say(f"{late:,} request{'s are' if late != 1 else ' is'} past the date", "bold red")
    return LATE if overdue and late else OK


@verb(
    app,
    NOUN,
    "show",
    members=_ONE
    | {
        "received": "when it arrived",
        "level": "how sure it is who asks: {reached, needed}",
        "tasks": "list of {system, what, how, state, person, due}",
        "steps": "list of {at, step, state, reason, entry}",
        "pauses": "list of {what, began, ended, counts}",
        "messages": "list of {at, way, text}",
    },
)
def show(cli: Cli, request: Ref) -> int:
    """One request: its date with every step of the count, its tasks, what was written. The look is on record."""
    from rightful.actions.see_requests import instant, look_at_request

    with cli.open() as ws:
        seen = look_at_request(ws, request, actor=cli.who)
    case = seen.line.case
    cli.answer(
        **_facts(case),
        received=seen.line.received,
        level={"reached": int(case.reached), "needed": int(case.needed)},
        tasks=[
            {
                "system": t.system,
                "what": t.what,
                "how": t.how,
                "state": t.state,
                "person": t.person or None,
                "due": t.due_on or None,
            }
            for t in seen.tasks
        ],
        steps=[
            {"at": instant(s.at_us), "step": s.step, "state": s.state, "reason": s.reason or None, "entry": s.entry}
            for s in seen.steps
        ],
        pauses=[{"what": p.what, "began": p.began, "ended": p.ended, "counts": p.counts} for p in seen.pauses],
        messages=[{"at": m.at, "way": m.way, "text": m.text} for m in seen.messages],
    )
    cli.show(f"{case.ref}  {case.kind.value}  {case.state.value}", "bold")
    cli.show(f"due {case.due_on}, aim at {case.safe_on} ({seen.law}: {case.why})")
    cli.item(case.reasoning)
    cli.table(
        ("system", "what", "how", "state", "by", "until"),
        [(t.system, t.what, t.how, t.state, t.person, t.due_on) for t in seen.tasks],
    )
    cli.table(
        ("entry", "when (UTC)", "step", "reason"),
        [(str(s.entry), f"{instant(s.at_us):%Y-%m-%d %H:%M}", s.step, s.reason) for s in seen.steps],
        right=(0,),
    )
    for message in seen.messages:
        cli.show(f"\n{message.at:%Y-%m-%d %H:%M}  {message.way}", "bold")
        cli.show(message.text)
    return OK


@verb(app, NOUN, "fulfil", members=_ONE | {"waits_for": "list of tasks that are not done: system/what"})
def fulfil(
    cli: Cli,
    request: Ref,
    checked: Annotated[
        str, typer.Option("--checked", help="What you looked at to be sure who asks; then level 3 is reached.")
    ] = "",
    done: Annotated[list[str] | None, typer.Option("--done", help="A task that was done by hand: SYSTEM/WHAT.")] = None,
    note: Annotated[str, typer.Option(help="With --done: for staff; of a look, what the customer reads.")] = "",
    finding: Annotated[str, typer.Option(help="With --done source/look: stands or changed.")] = "",
) -> int:
    """Take a request as far as it can go: to its answer, or to what it waits for (exit code 5)."""
    from rightful.actions.answer_request import confirm_task, waits_for
    from rightful.actions.answer_request import fulfil as go
    from rightful.actions.identify_requester import staff_checked
    from rightful.actions.take_step import case_of

    with cli.open() as ws:
        if checked:
            staff_checked(ws, case_of(ws, request), checked, actor=cli.who)
        if done:
            if case_of(ws, request).state.value == "identified":
                go(ws, request, actor=cli.who)
            for task in done:
                system, _, what = task.partition("/")
                confirm_task(ws, request, system, what, note=note, finding=finding, actor=cli.who)
        case = case_of(ws, request)
        if case.is_open:
            case = go(ws, request, actor=cli.who)
        open_tasks = [f"{t.system}/{t.what}" for t in waits_for(ws, case)] if case.is_open else []
    cli.answer(**_facts(case), waits_for=open_tasks)
    for task in open_tasks:
        cli.say(f"Waits for {task}: rightful request fulfil {case.ref} --done {task}")
    code = _told(cli, case)
    return PARTLY if case.is_open else code


@verb(
    app,
    NOUN,
    "correct",
    members=_ONE
    | {"corrected": "list of fields", "told": "how many recipients have to be told", "entry": "list of entries"},
)
def correct(
    cli: Cli,
    request: Ref,
    values: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE", help="customer.city=Cork. One or more.")],
    row: Annotated[
        list[str] | None, typer.Option("--row", help="COLUMN=VALUE that names the row where there are several.")
    ] = None,
) -> int:
    """Put right what a request for correction asks for: the source changes at once, recipients are told."""
    from rightful.actions.correct_for_request import correct_now
    from rightful.actions.take_step import case_of

    named = dict(_equals(one) for one in row or ())
    with cli.open() as ws:
        done = [
            (field, correct_now(ws, request, field, value, row=named, actor=cli.who))
            for field, value in map(_equals, values)
        ]
        case = case_of(ws, request)
    cli.answer(
        **_facts(case),
        corrected=[field for field, _ in done],
        told=max(one.told for _, one in done),
        entry=[one.entry for _, one in done],
    )
    for field, one in done:
        cli.say(f"Corrected {field}; recipients to tell: {one.told}")
    cli.say(f"When all of it is right: rightful request fulfil {case.ref} --done source/correct")
    return OK


@verb(app, NOUN, "confirm", members=_ONE)
def confirm(
    cli: Cli,
    request: Ref,
    by: Annotated[str, typer.Option("--by", help="How it was confirmed: letter, telephone or mail.")],
) -> int:
    """Note that the receipt was confirmed, where the law sets a term for that (California: ten business days)."""
    from rightful.actions.confirm_receipt import confirm_receipt

    with cli.open() as ws:
        case = confirm_receipt(ws, request, by, actor=cli.who)
    cli.answer(**_facts(case))
    return _told(cli, case, "The receipt is confirmed.")


@verb(app, NOUN, "extend", members=_ONE)
def extend(
    cli: Cli,
    request: Ref,
    reason: Annotated[str, typer.Option("--reason", help="complexity or number-of-requests.")],
) -> int:
    """Take the further time the law grants, once; the customer gets a letter with the reason and the new date."""
    from rightful.actions.move_deadline import extend as move

    with cli.open() as ws:
        case = move(ws, request, reason, actor=cli.who)
    cli.answer(**_facts(case))
    return _told(cli, case)


@verb(app, NOUN, "pause", members=_ONE)
def pause(
    cli: Cli,
    request: Ref,
    waiting: Annotated[str, typer.Option("--for", help="identity, clarification or fee.")] = "identity",
    over: Annotated[bool, typer.Option("--over", help="What was waited for has come: count the date anew.")] = False,
) -> int:
    """Note that something is waited for, or that it has come. The law says whether the clock stops."""
    from rightful.actions import move_deadline

    with cli.open() as ws:
        if over:
            case = move_deadline.resume(ws, request, actor=cli.who)
        else:
            case = move_deadline.pause(ws, request, waiting, actor=cli.who)
    cli.answer(**_facts(case))
    return _told(cli, case)


@verb(app, NOUN, "close", members=_ONE)
def close(
    cli: Cli,
    request: Ref,
    reason: Annotated[str, typer.Option("--reason", help="Why it is refused: a reason the law knows.")] = "",
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="The customer took it back.")] = False,
    note: Annotated[str, typer.Option(help="A sentence to the customer; sealed.")] = "",
) -> int:
    """End a request without meeting it: refused with its reason, or taken back by the customer."""
    from rightful.actions import close_request

    if bool(reason) == withdrawn:
        raise BadInput("say why it ends", remedy="--reason CODE, or --withdrawn")
    with cli.open() as ws:
        if withdrawn:
            case = close_request.withdraw(ws, request, actor=cli.who)
        else:
            case = close_request.refuse(ws, request, reason, note=note, actor=cli.who)
    cli.answer(**_facts(case))
    return _told(cli, case)


@verb(
    app,
    NOUN,
    "import-mail",
    members=_ONE | {"merged": "whether the same was open", "guessed": "whether the kind is a guess"},
)
def import_mail(
    cli: Cli,
    file: Annotated[Path | None, typer.Argument(help="The message; else stdin.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="What it asks for; else its words decide.")] = "",
    language: Annotated[str, typer.Option(help="Language of the letters.")] = "en",
) -> int:
    """Take in a mail (RFC 5322). It waits for proof of who asks, and is never answered by mail."""
    from rightful.actions.read_request_mail import BIGGEST, read_request_mail

    raw = file.read_bytes() if file is not None else sys.stdin.buffer.read(BIGGEST + 1)
    with cli.open() as ws:
        done = read_request_mail(ws, raw, kind=kind, language=language, actor=cli.operator)
    cli.answer(**_facts(done.opened.case), merged=done.opened.merged, guessed=done.guessed)
    return _told(cli, done.opened.case, "Nothing in it says what is asked for: look at it." if done.guessed else "")


@verb(
    app,
    NOUN,
    "run",
    members={"letters": "letters written", "moved": "requests that went on", "stuck": "references that could not"},
)
def run(cli: Cli) -> int:
    """Do what time alone brings: erasures after their grace, letters, copies nobody fetched. For cron."""
    from rightful.actions.run_requests import run_requests

    with cli.open() as ws:
        done = run_requests(ws)
    cli.answer(letters=done.letters, moved=done.moved, stuck=list(done.stuck))
    cli.show(f"{done.letters:,} letters, {done.moved:,} requests went on, {len(done.stuck):,} could not")
    return PARTLY if done.stuck else OK


@verb(
    app,
    NOUN,
    "agents",
    members={"business_id": "what we are called there", "agents": "list of {agent, name, listed, token, ended}"},
)
def agents(
    cli: Cli,
    add: Annotated[
        Path | None, typer.Option("--add", help="List an agent: a JSON file with id, name and verify_key.")
    ] = None,
    end: Annotated[str, typer.Option("--end", help="Take an agent off the list, by its id.")] = "",
) -> int:
    """Authorised agents of customers (Data Rights Protocol): who may send signed requests."""
    from rightful.actions import authorised_agents
    from rightful.actions.see_requests import instant

    with cli.open() as ws:
        if add is not None:
            authorised_agents.register_agent(ws, add.read_text("utf-8"), actor=cli.operator)
        if end:
            authorised_agents.end_agent(ws, end, actor=cli.operator)
        known, business = ws.agents.everybody(), authorised_agents.business_of(ws)
    cli.answer(
        business_id=business,
        agents=[
            {
                "agent": one.id,
                "name": one.name,
                "listed": instant(one.since_us),
                "token": bool(one.token),
                "ended": None if one.ended_us is None else instant(one.ended_us),
            }
            for one in known
        ],
    )
    rows = [(a.id, a.name, f"{instant(a.since_us):%Y-%m-%d}", "yes" if a.token else "no",
             "" if a.ended_us is None else f"{instant(a.ended_us):%Y-%m-%d}") for a in known]  # fmt: skip
    cli.table(("agent", "name", "listed", "token", "ended"), rows)
    cli.say(f"Agents address their requests to business-id {business}.", "dim")
    return OK


def _told(cli: Cli, case: Case, more: str = "") -> int:
    cli.show(case.ref)
    words = f"{case.kind.value}: {case.state.value}"
    if case.is_open:
        words += f"; due {case.due_on}, aim at {case.safe_on}"
    cli.say(words + (f"\n{more}" if more else ""))
    return OK


def _noon_us(zone: str, day: str) -> int | None:
    """Noon of a day in the organisation's zone."""
    if not day:
        return None
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    try:
        at = datetime.combine(date.fromisoformat(day), time(12), ZoneInfo(zone))
    except ValueError:
        raise BadInput(f"{day} is no day", remedy="Write 2026-03-05") from None
    return int(at.timestamp() * 1_000_000)


def _equals(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput(f"{text} is no correction", remedy="Write it as customer.city=Cork")
    return name.strip(), value
