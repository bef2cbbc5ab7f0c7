"""`rightful policy`: what may be done with customer data, as text that is checked, tested and published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rightful.cli.verbs import CHECK_FAILED, OK, Cli, verb
from rightful.errors import NotFound, UnknownName

if TYPE_CHECKING:
    from rightful.actions.compare_policies import Comparison
    from rightful.policy.model import Policy
    from rightful.policy.table import Table
    from rightful.workspace import Workspace

NOUN = "policy"
HELP = "What may be done with customer data: checked, tested, compared, published."
app = typer.Typer()
PATH_HELP = "A policy file or folder; else the workspace's policy folder."
PathArgument = Annotated[Path | None, typer.Argument(help=PATH_HELP)]
FromOption = Annotated[Path | None, typer.Option("--policy", help="A policy file or folder; else the one in force.")]


@verb(
    app,
    NOUN,
    "check",
    members={
        "version": "SHA-256 of what the policy means",
        "label": "its author's word for it",
        "problems": "list of {place, severity, what, near}",
        "unclassified": "fields of the workspace that no category names",
    },
)
def check(cli: Cli, path: PathArgument = None) -> int:
    """Whether a policy loads, contradicts itself, or misses a field that is there."""
    from rightful.actions.check_policy import columns_of, read_policy
    from rightful.policy.bind import bind
    from rightful.policy.check import check as lint

    with cli.open_if_there() as ws:
        policy = read_policy(path, ws)
        columns = columns_of(ws) if ws is not None else None
    problems = list(lint(policy))
    unclassified: list[str] = []
    if columns:
        bound = bind(policy, columns)
        problems += bound.mismatches
        unclassified = sorted(bound.unclassified)
    errors = sum(p.severity == "error" for p in problems)
    cli.answer(
        version=policy.version,
        label=policy.label,
        problems=[
            {"place": f"{p.file}:{p.line}:{p.column}", "severity": p.severity, "what": p.what, "near": p.near}
            for p in problems
        ],
        unclassified=unclassified,
    )
    for problem in problems:
        cli.show(str(problem))
    for name in unclassified:
        cli.show(f"{name} is in no category: nobody can use it")
    warnings = sum(p.severity == "warning" for p in problems)
    advice = len(problems) - errors - warnings
    cli.say(
        f"{policy.name} {policy.label}: {len(policy.purposes)} purposes, {errors} errors, {warnings} warnings, "
        f"{advice} advice (version {policy.version[:12]})",
        "red" if errors else "green",
    )
    return CHECK_FAILED if errors else OK


@verb(
    app,
    NOUN,
    "test",
    members={"label": "the policy's", "passed": "how many", "failed": "list of {place, given, ask, expect, got}"},
)
def test(cli: Cli, path: PathArgument = None) -> int:
    """Run the tests beside the policy through the gate's own conditions."""
    from rightful.actions.check_policy import columns_of, read_policy, run_tests, today_us

    with cli.open_if_there() as ws:
        policy = read_policy(path, ws)
        now, columns = (today_us(), None) if ws is None or path is not None else (ws.clock(), columns_of(ws))
    done = run_tests(policy, now, columns)
    failed = [t for t in done if not t.passed]
    cli.answer(
        label=policy.label,
        passed=len(done) - len(failed),
        failed=[
            {"place": t.place, "given": t.example.given, "ask": t.example.ask, "expect": t.example.expect, "got": t.got}
            for t in failed
        ],
    )
    for t in failed:
        cli.show(f"{t.place}: {t.example.ask}", "bold")
        cli.show(f"  given     {_flow(t.example.given)}\n  expected  {t.example.expect}\n  got       {t.got}")
        for r in (*t.decision.reasons, *(r for f in t.decision.fields for r in f.reasons)):
            cli.show(f"            {r.sentence} ({r.article})")
    passed = len(done) - len(failed)
    cli.say(f"{policy.name} {policy.label}: {passed} of {len(done)} tests pass", "red" if failed else "green")
    return CHECK_FAILED if failed else OK


@verb(
    app,
    NOUN,
    "publish",
    members={
        "version": "SHA-256 of what the policy means",
        "label": "its author's word for it",
        "widenings": "how many answers permit more",
        "narrowings": "how many answers permit less",
        "notice": "label of the notice that tells customers",
        "new_notice": "whether it is a new one",
        "notice_lacks": "what keeps the notice from having a public text",
        "entry": "ledger entry, null if this version was in force already",
    },
)
def publish(
    cli: Cli,
    path: PathArgument = None,
    approved_by: Annotated[str, typer.Option(help="Who approves a widening; somebody else than you.")] = "",
) -> int:
    """Bring a policy into force, with the notice that goes with it."""
    from rightful.actions.publish_policy import publish_policy

    with cli.open() as ws, cli.progress("Publishing") as progress:
        filled = bool(ws.source.catalogue())
        done = publish_policy(ws, path, actor=cli.operator, approver=approved_by, rebuild=filled, progress=progress)
    kinds = [change.kind for change in done.changes]
    cli.answer(
        version=done.version,
        label=done.label,
        widenings=kinds.count("widening"),
        narrowings=kinds.count("narrowing"),
        notice=done.notice,
        new_notice=done.new_notice,
        notice_lacks=[gap.sentence for gap in done.lacks],
        entry=done.entry,
    )
    if done.entry is None:
        cli.show(f"{done.label} ({done.version[:12]}) is in force already; nothing was changed")
        return OK
    cli.show(f"{done.label} ({done.version[:12]}) is in force, ledger entry {done.entry}")
    told = f"customers get the new notice {done.notice}"
    told = told if done.new_notice else f"notice {done.notice} still says it all"
    cli.say(f"{kinds.count('widening')} answers wider, {kinds.count('narrowing')} narrower; {told}")
    if done.lacks:
        cli.say("The notice has no public text yet; `rightful policy check` says what is missing for it")
    return OK


@verb(
    app,
    NOUN,
    "diff",
    members={
        "old": "{label, version}",
        "new": "{label, version}",
        "widenings": "how many answers permit more",
        "narrowings": "how many answers permit less",
        "changes": "list of sentences, widenings first",
        "notices": "list of {purpose, what, material}",
        "reach": "list of {purpose, channel, recipient, before, after, gained, lost}; empty without a workspace",
    },
)
def diff(
    cli: Cli,
    old: Annotated[str, typer.Argument(help="A file, a folder, a published label; else the one in force.")] = "",
    new: Annotated[str, typer.Argument(help="The same; else the workspace's policy folder.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every sentence, however many.")] = False,
) -> int:
    """Exactly what two policies answer differently, and for how many customers."""
    from rightful.actions.compare_policies import compare_policies

    with cli.open_if_there() as ws:
        first = _policy_named(old, ws) if old else _in_force(ws)
        second = _policy_named(new, ws) if new else _on_disk(ws)
        usable = ws if ws is not None and ws.shelf.in_force() is not None else None
        found = compare_policies(usable, first, second)
    _tell_diff(cli, found, every)
    return OK


@verb(
    app,
    NOUN,
    "explain",
    members={
        "purpose": "its name",
        "says": "what customers are told",
        "lines": "list of sentences",
        "fields": "field -> form",
    },
)
def explain(
    cli: Cli, purpose: Annotated[str, typer.Argument(help="A purpose of the policy.")], policy: FromOption = None
) -> int:
    """One purpose in full: basis, roles, fields, recipients, in every law."""
    found = _table(cli, policy).explain(purpose)
    if found is None:
        raise UnknownName(f"no purpose is called {purpose}")
    cli.answer(purpose=found.purpose, says=found.says, lines=list(found.lines), fields=dict(found.fields))
    cli.show(f"{found.purpose}: {found.says}", "bold")
    for line in found.lines:
        head, colon, rest = line.partition(": ")
        cli.show(f"  {head:<26}{rest}" if colon and len(head) < 26 else f"  {line}")
    return OK


ROW_WORDS = "list of {role, purpose, regime, recipient, channel, field, answer}"


@verb(app, NOUN, "who", members={"field": "the field", "answers": ROW_WORDS})
def who(
    cli: Cli, name: Annotated[str, typer.Argument(metavar="FIELD", help="table.column")], policy: FromOption = None
) -> int:
    """Who may use a field, for what, where, under which conditions."""
    table = _table(cli, policy)
    if name not in table.bound.fields:
        raise UnknownName(f"no field is called {name}", remedy="`rightful source list --fields` shows them")
    rows = table.who(name)
    cli.answer(field=name, answers=[_row(row) for row in rows])
    if not rows:
        cli.show(f"Nobody may use {name}, for nothing.")
    _tell_rows(cli, rows, field=False)
    return OK


@verb(app, NOUN, "what-if", members={"question": "as it was asked", "answers": ROW_WORDS})
def what_if(
    cli: Cli,
    words: Annotated[
        list[str], typer.Argument(metavar="QUESTION", help="ROLE PURPOSE [CHANNEL] [FIELD...] [to RECIPIENT]")
    ],
    policy: FromOption = None,
) -> int:
    """What the policy answers to a question, in every law, before any customer is looked at."""
    from rightful.errors import BadInput
    from rightful.policy.examples import NotUnderstood, question

    text = " ".join(words)
    try:
        asked = question(text)
    except NotUnderstood as error:
        raise BadInput(error.what) from error
    rows = _table(cli, policy).what_if(asked)
    cli.answer(question=text, answers=[_row(row) for row in rows])
    _tell_rows(cli, rows, field=True)
    return OK


@verb(
    app,
    NOUN,
    "history",
    members={"versions": "list of {version, label, published, by, approved_by, entry, in_force}"},
)
def history(cli: Cli) -> int:
    """Every version that was ever in force, newest last."""
    from rightful.actions.read_gate_log import instant_of

    with cli.open() as ws:
        found = ws.shelf.history()
    listed = [
        {
            "version": p.version,
            "label": p.label,
            "published": instant_of(p.published_us),
            "by": p.actor,
            "approved_by": p.approver or None,
            "entry": p.entry,
            "in_force": p is found[-1],
        }
        for p in found
    ]
    cli.answer(versions=listed)
    rows = [
        (x["label"], str(x["version"])[:12], x["published"], x["by"], x["approved_by"], str(x["entry"]),
         "in force" if x["in_force"] else "")
        for x in listed
    ]  # fmt: skip
    cli.table(("label", "version", "published", "by", "approved by", "entry", ""), rows)
    return OK


def _table(cli: Cli, path: Path | None) -> Table:
    from rightful.actions.check_policy import columns_of
    from rightful.policy.bind import bind, catalogue_of
    from rightful.policy.loader import load
    from rightful.policy.table import Table

    with cli.open_if_there() as ws:
        policy = load(path) if path is not None else _in_force(ws)
        columns = columns_of(ws) if ws is not None else None
    return Table(bind(policy, columns or catalogue_of(policy)))


def _in_force(ws: Workspace | None) -> Policy:
    policy = ws.shelf.in_force() if ws is not None else None
    if policy is None:
        raise NotFound("no policy has been published here", remedy="Name a policy file, or `rightful policy publish`")
    return policy


def _on_disk(ws: Workspace | None) -> Policy:
    from rightful.actions.check_policy import read_policy

    return read_policy(None, ws)


def _policy_named(name: str, ws: Workspace | None) -> Policy:
    from rightful.policy.loader import load

    if Path(name).exists():
        return load(Path(name))
    if ws is not None:
        labels = {p.label: p.version for p in ws.shelf.history()}
        found = ws.shelf.version(labels.get(name, name))
        if found is not None:
            return found
    raise NotFound(f"there is no policy {name}", remedy="Name a file, or a label of `rightful policy history`")


MOST_SENTENCES = 12


def _tell_diff(cli: Cli, found: Comparison, every: bool) -> None:
    from rightful.policy.diff import lines

    sentences = {
        kind: lines(c for c in found.changes if c.kind == kind) for kind in ("widening", "narrowing", "changed")
    }
    cli.answer(
        old={"label": found.old.label, "version": found.old.version},
        new={"label": found.new.label, "version": found.new.version},
        widenings=found.widenings,
        narrowings=found.narrowings,
        changes=[text for texts in sentences.values() for text in texts],
        notices=[{"purpose": n.purpose, "what": list(n.what), "material": n.material} for n in found.notices],
        reach=[
            {
                "purpose": r.purpose,
                "channel": r.channel,
                "recipient": r.recipient,
                "before": r.before,
                "after": r.after,
                "gained": r.gained,
                "lost": r.lost,
            }
            for r in found.reach
        ],
    )
    cli.show(f"{found.old.label} -> {found.new.label}", "bold")
    if not found.changes:
        cli.show("Every answer is the same.")
    titles = {"widening": "Permits more", "narrowing": "Permits less", "changed": "Neither more nor less"}
    for kind, texts in sentences.items():
        if texts:
            counted = sum(c.kind == kind for c in found.changes)
            cli.show(f"\n{titles[kind]} ({counted:,} answers in {len(texts)} sentences)", "bold")
        for text in texts if every else texts[:MOST_SENTENCES]:
            cli.item(text)
        if not every and len(texts) > MOST_SENTENCES:
            cli.show(f"  and {len(texts) - MOST_SENTENCES} more: --all")
    if found.notices:
        cli.show("\nNotices", "bold")
        for notice in found.notices:
            cli.item(notice.sentence)
    if found.reach:
        cli.show(f"\nCustomers, of {found.customers:,}", "bold")
        rows = [
            (
                _use(r.purpose, r.channel, r.recipient),
                r.before,
                r.after,
                f"+{r.gained:,}" if r.gained else "",
                f"-{r.lost:,}" if r.lost else "",
            )
            for r in found.reach
        ]
        cli.table(("use", found.old.label, found.new.label, "gained", "lost"), rows, right=(1, 2, 3, 4))


def _row(row: Any) -> dict[str, str | None]:
    return {
        "role": row.role,
        "purpose": row.purpose,
        "regime": row.regime or None,
        "recipient": row.recipient or None,
        "channel": row.channel or None,
        "field": row.field,
        "answer": row.answer.words,
    }


def _tell_rows(cli: Cli, rows: tuple[Any, ...], *, field: bool) -> None:
    """Rows with the same answer under several laws are drawn together."""
    together: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        use = _use(row.purpose, row.channel, row.recipient)
        key = (row.field, row.role, use, row.answer.words) if field else (row.role, use, row.answer.words)
        together.setdefault(key, []).append(row.regime or "unknown")
    if together:
        heads = ("field", "role", "use", "law", "answer") if field else ("role", "use", "law", "answer")
        cli.table(heads, [(*key[:-1], "+".join(dict.fromkeys(laws)), key[-1]) for key, laws in together.items()])


def _use(purpose: str, channel: str, recipient: str) -> str:
    return purpose + (f" by {channel}" if channel else "") + (f" to {recipient}" if recipient else "")


def _flow(given: Any) -> str:
    if isinstance(given, dict):
        return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in given.items()) + "}"
    return str(given)
