"""`rightful init | demo | serve | doctor`: a workspace is made, shown, served, looked over."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import CHECK_FAILED, CONFIG, LATE, OK, Cli, verb

if TYPE_CHECKING:
    from rightful.workspace import Workspace


def add_to(app: typer.Typer, panel: str) -> None:
    """The verbs without a noun."""
    verb(app, "", "init", members=_INIT, rich_help_panel=panel)(init)
    verb(app, "", "demo", members=_DEMO, rich_help_panel=panel)(demo)
    verb(app, "", "serve", members=_SERVE, rich_help_panel=panel)(serve)
    verb(app, "", "doctor", members=_DOCTOR, rich_help_panel=panel)(doctor)


_INIT = {"path": "the folder", "name": "the workspace's name", "verifier_key": "the ledger's public key"}


def init(
    cli: Cli,
    path: Annotated[Path, typer.Argument(help="The folder to make.")],
    name: Annotated[str, typer.Option(help="A short name; else the folder's.")] = "",
    email: Annotated[str, typer.Option(help="Column of the customer table with the e-mail address.")] = "",
    residence: Annotated[str, typer.Option(help="Column with the residence, ISO 3166 (DE, US-CA).")] = "",
    birth_date: Annotated[str, typer.Option(help="Column with the birth date.")] = "",
) -> int:
    """Make a workspace: keys, ledger, control database, encrypted store."""
    from rightful.workspace import Workspace

    chosen = {"email": email, "residence": residence, "birth_date": birth_date}
    subject = {key: value for key, value in chosen.items() if value}
    with Workspace.create(path, name or path.resolve().name, subject=subject) as ws:
        cli.answer(path=str(ws.path), name=ws.name, verifier_key=ws.ledger.verifier_key)
        cli.show(str(ws.path))
        cli.say(
            f"The keys are in {ws.path / 'keys'}: back them up, apart from the data. Without them nothing opens.\n"
            f"Next: rightful source import FILES -w {path}; write {path}/policy/policy.yaml; "
            f"rightful policy publish -w {path}"
        )
    return OK


_DEMO = {
    "path": "the folder",
    "made": "what this run made, in order; empty when all was there",
    "seconds": "how long it took to here",
    "chapters": "the story: name of a chapter -> its numbers",
}


def demo(
    cli: Cli,
    path: Annotated[Path, typer.Argument(help="The folder to make or use.")] = Path("meadow"),
    serve: Annotated[bool, typer.Option(help="Serve the pages at the end.")] = True,
    port: Annotated[int, typer.Option(help="Where to serve; the next free one if taken.", min=1, max=65_535)] = 8000,
    pace: Annotated[float, typer.Option(help="Seconds between chapters, on a terminal.", min=0)] = 1.0,
    login: Annotated[bool, typer.Option("--login", help="Only print the officer's login and present code.")] = False,
) -> int:
    """Show everything on real CRM data: a story in numbers, then pages to look at."""
    from rightful.demo import run

    if login:
        run.login(cli, path)
        return OK
    return run.demo(cli, path, serve=serve and not cli.as_json, port=port, pace=pace)


_SERVE = {"addresses": "what to open; printed before serving begins"}


def serve(
    cli: Cli,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> int:
    """Serve the customers' portal and the officer's console."""
    with cli.open() as ws:
        folder = ws.path
    from rightful.demo.world import is_demo
    from rightful.web import serve as web

    cli.answer(addresses=list(web.addresses(host, port, demo=is_demo(folder))))
    sys.stdout.flush()
    web.serve(folder, host=host, port=port, demo=is_demo(folder))
    return OK


_DOCTOR = {
    "workspace": "the folder",
    "findings": "list of {what, ok, detail}",
    "healthy": "whether all is well",
}


def doctor(cli: Cli) -> int:
    """Look the workspace over: keys, clock, store, policy, permissions, ledger."""
    findings: list[tuple[str, bool, str]] = []

    def note(what: str, ok: bool, detail: str) -> None:
        findings.append((what, ok, detail))

    with cli.open() as ws:
        from rightful.actions.officer_today import ledger_state
        from rightful.actions.register_source import describe_encryption

        mode = (ws.path / "keys").stat().st_mode & 0o777
        private = mode & 0o077 == 0
        note(
            "keys",
            private,
            f"{ws.keys.describe()}, mode {mode:o}" + ("" if private else "; others may read: chmod 700"),
        )
        behind = (ws.ledger.newest_at() - ws.clock()) / 1e6
        note("clock", behind <= 0, "after the newest record" if behind <= 0 else f"{behind:.0f} s behind the record")
        tables = ws.source.catalogue()
        rows = ", ".join(f"{t.name} {t.rows:,}" for t in tables)
        note("encryption", True, describe_encryption(ws))
        note("customer data", bool(tables), rows or "no table yet: rightful source import FILES")
        policy = ws.shelf.in_force()
        note("policy", policy is not None, f"{policy.name} {policy.label}" if policy else "none published yet")
        if policy is not None and tables:
            unclassified = sorted(ws.facts.bound.unclassified)
            words = ", ".join(unclassified[:5]) + (" and more" if len(unclassified) > 5 else "")
            words = f"not classified, so unusable: {words}" if unclassified else "all classified"
            note("fields", not unclassified, words)
        staff = len(ws.staff.everybody())
        note("staff", staff > 0, f"{staff} listed" if staff else "nobody is listed: rightful staff add ADDRESS ROLE")
        state = ledger_state(ws)
        late = 0
        if policy is not None and tables:
            from rightful.actions.see_requests import pressing

            late, soon, staff_waits = pressing(ws)
            words = f"{late} past the date, {soon} due within a week, {staff_waits} wait for a person"
            note("requests", not late, words)
        back = len(ws.suppression.back())
        words = f"{back:,} are in the store again: rightful retention returned" if back else "nobody came back"
        note("erased people", not back, words)
        note("backups", *_backups(ws))
        note("records", state == "ok", f"{ws.ledger.head()[0]:,} ledger entries, {state}")
        config = ws.path / CONFIG
    healthy = all(ok for _, ok, _ in findings)
    cli.answer(
        workspace=str(config.parent),
        findings=[{"what": what, "ok": ok, "detail": detail} for what, ok, detail in findings],
        healthy=healthy,
    )
    cli.table(("", "what", "finding"), [("ok" if ok else "!!", what, detail) for what, ok, detail in findings])
    if healthy:
        return OK
    return LATE if late and all(ok for what, ok, _ in findings if what != "requests") else CHECK_FAILED


def _backups(ws: Workspace) -> tuple[bool, str]:
    """(whether the newest backup's trial, if there was one, went well, what to say)."""
    made = ws.backups.all()
    if not made:
        return True, "no backup was made: rightful backup create FILE"
    newest = made[0]
    tried = next((one for one in made if one.drill), None)
    when = datetime.fromtimestamp(newest.at_us / 1e6, UTC)
    words = f"the newest is of {when:%Y-%m-%d %H:%M} UTC"
    if tried is None:
        return True, f"{words}, not tried yet: rightful backup drill {newest.file}"
    at = datetime.fromtimestamp((tried.drilled_us or 0) / 1e6, UTC)
    went = "went well" if tried.drill == "ok" else "failed: try it again and look"
    return tried.drill == "ok", f"{words}, last tried {at:%Y-%m-%d}: it {went}"
