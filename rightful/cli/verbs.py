"""What every command has in common: where, who, how it speaks, and how it ends.

A verb is a function `fn(cli, ...)`. `verb(...)` gives it the options that all verbs
share, opens nothing, and turns every error into one sentence and an exit code:

    0 ok   1 unexpected   2 usage   3 denied by the gate   4 check failed
    5 partly done   6 not found   7 deadline missed

Data goes to stdout, talk to stderr. With --json stdout holds exactly one JSON object
whose members are declared beside the verb; an error is one such object too.

Easy to get wrong: importing anything heavy here. `rightful --help` has to be quick, so
actions are imported inside the verbs.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_type_hints

import typer

from rightful.errors import BadInput, NotFound, NotPermitted, RightfulError

if TYPE_CHECKING:
    from rich.console import Console

    from rightful.workspace import Workspace

OK, UNEXPECTED, USAGE, DENIED, CHECK_FAILED, PARTLY, NOT_FOUND, LATE = range(8)
CONFIG = "rightful.json"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """One command, for the reference and for the tests. `members` are those of its JSON object."""

    noun: str
    name: str
    function: Callable[..., Any]
    members: Mapping[str, str]

    @property
    def path(self) -> str:
        return f"{self.noun} {self.name}".strip()


VERBS: dict[str, Verb] = {}

_SHARED: dict[str, Any] = {
    "workspace": (
        Annotated[
            Path | None,
            typer.Option(
                "--workspace", "-w", envvar="RIGHTFUL_WORKSPACE", help="The workspace folder; else this folder."
            ),
        ],
        None,
    ),
    "acting": (
        Annotated[str, typer.Option("--as", envvar="RIGHTFUL_ACTOR", help="Who asks: a work address.")],
        "",
    ),
    "as_json": (Annotated[bool, typer.Option("--json", help="Print one JSON object.")], False),
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")], False),
}


def verb(
    app: typer.Typer, noun: str, name: str, *, members: Mapping[str, str], **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command. It gets a `Cli` first and may return an exit code."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        known = Verb(noun, name, function, dict(members))
        VERBS[known.path] = known
        hints = get_type_hints(function, include_extras=True)
        own = list(inspect.signature(function).parameters.values())[1:]
        parameters = [p.replace(annotation=hints[p.name]) for p in own]
        parameters += [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for key, (kind, default) in _SHARED.items()
        ]

        @functools.wraps(function)
        def run(*args: Any, **given: Any) -> None:
            shared = {key: given.pop(key) for key in _SHARED}
            cli = Cli(known, shared["workspace"], shared["acting"].strip(), shared["as_json"], shared["quiet"])
            with _translated(cli):
                code = function(cli, *args, **given)
                sys.stdout.flush()
            if code:
                raise typer.Exit(int(code))

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name, help=inspect.getdoc(function), **options)(run)
        return function

    return decorate


@dataclass
class Cli:
    """One run of one verb: its workspace, its actor, its two channels."""

    verb: Verb
    folder: Path | None
    actor: str
    as_json: bool
    quiet: bool
    _talk: Console | None = field(default=None, repr=False)
    _data: Console | None = field(default=None, repr=False)

    # Where and who

    @property
    def place(self) -> Path:
        """The workspace folder: named, or below RIGHTFUL_HOME, or the current one."""
        if self.folder is None:
            return Path()
        home = os.environ.get("RIGHTFUL_HOME", "")
        if not (self.folder / CONFIG).exists() and home and (Path(home) / self.folder / CONFIG).exists():
            return Path(home) / self.folder
        return self.folder

    @contextlib.contextmanager
    def open(self) -> Iterator[Workspace]:
        """The workspace, closed afterwards.

        Raises:
            NotFound: there is none; says how to name or make one.
        """
        if not (self.place / CONFIG).exists():
            where = str(self.folder) if self.folder is not None else "this folder"
            raise NotFound(
                f"{where} is no workspace",
                remedy="Name one with -w FOLDER or RIGHTFUL_WORKSPACE; `rightful init` makes one",
            )
        from rightful.workspace import Workspace

        with Workspace.open(self.place) as ws:
            yield ws

    @contextlib.contextmanager
    def open_if_there(self) -> Iterator[Workspace | None]:
        """The workspace, or None where none was named and this folder is none."""
        if self.folder is None and not (self.place / CONFIG).exists():
            yield None
            return
        with self.open() as ws:
            yield ws

    @property
    def who(self) -> str:
        """Who asks for customer data.

        Raises:
            BadInput: nobody was named.
        """
        if not self.actor:
            raise BadInput("nobody is named as the one who asks", remedy="Say who: --as ADDRESS or RIGHTFUL_ACTOR")
        return self.actor

    @property
    def operator(self) -> str:
        """Who changes the workspace; the login name of this machine where nobody was named."""
        if self.actor:
            return self.actor
        try:
            return f"{getpass.getuser()} (login)"
        except (KeyError, OSError):
            return "unknown (login)"

    # How it speaks

    @property
    def talk(self) -> Console:
        """stderr."""
        if self._talk is None:
            from rich.console import Console

            self._talk = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        return self._talk

    @property
    def data(self) -> Console:
        """stdout."""
        if self._data is None:
            from rich.console import Console

            self._data = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        return self._data

    def say(self, text: str, style: str = "") -> None:
        """Talk: what was done, what to do next."""
        if not self.quiet and not self.as_json:
            self.talk.print(text, style=style or None, markup=False)

    def item(self, text: str) -> None:
        """A sentence of a list; on a terminal it goes on below under its own words."""
        if self.data.is_terminal:
            text = fill(text, max(self.data.width - 2, 40), subsequent_indent="  ", break_on_hyphens=False)
        self.show(indent(text, "  "))

    def show(self, text: str, style: str = "") -> None:
        """Data as text; nothing with --json."""
        if not self.as_json:
            self.data.print(text, style=style or None, markup=False)

    def answer(self, **members: Any) -> None:
        """The JSON object of this verb, if it was asked for. Its members are the declared ones."""
        if set(members) != set(self.verb.members):
            wrong = sorted(set(members) ^ set(self.verb.members))
            raise AssertionError(f"{self.verb.path} declares other JSON members: {', '.join(wrong)}")
        if self.as_json:
            head = {"schema": f"rightful/{self.verb.path.replace(' ', '.')}/1"}
            sys.stdout.write(json.dumps(head | members, default=_plain, ensure_ascii=False, indent=2) + "\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> None:
        """Rows in columns; on a terminal wrapped to its width, in a pipe never cut."""
        if self.as_json:
            return
        cells = [[_cell(value) for value in row] for row in rows]
        if not self.data.is_terminal:
            sys.stdout.write(aligned(headings, cells, right))
            return
        from rich.table import Table

        made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for place, heading in enumerate(headings):
            made.add_column(heading, justify="right" if place in right else "left", overflow="fold")
        from rich.text import Text

        for row in cells:
            made.add_row(*(Text(cell) for cell in row))
        self.data.print(made)

    def explain(self, text: str) -> None:
        """An explanation of the gate: the first line in bold, articles dimmed. Decoration only."""
        if self.as_json:
            return
        from rich.text import Text

        first, _, rest = text.partition("\n")
        styled = Text.assemble((first, "bold red" if first.startswith("No:") else "bold green"))
        body = Text("\n" + rest if rest else "")
        body.highlight_regex(r"(?m)(?<=  )(?:[(]?(?:GDPR|ePrivacy|CCPA|11 CCR|CJEU)[^\n]*)$", "dim")
        body.highlight_regex(r"(?m)^ {2}(stays? out|comes back|rests on|agreed on|asks you to|on record)", "dim")
        body.highlight_regex(r"(?m)^ {2}No\b", "red")
        self.data.print(styled + body)

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """A bar for long work, on a terminal only."""
        if self.quiet or self.as_json or not self.talk.is_terminal:
            yield lambda _what, _share: None
            return
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
        with Bar(*columns, console=self.talk, transient=True) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda step, share: bar.update(task, completed=share, description=f"{what}: {step}")


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows in columns of plain text, nothing cut."""
    lines = [list(headings), *rows]
    widths = [max(len(row[place]) for row in lines) for place in range(len(headings))]
    out = []
    for row in lines:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out) + "\n"


@contextlib.contextmanager
def _translated(cli: Cli) -> Iterator[None]:
    """Every error becomes a sentence and an exit code; a traceback only with RIGHTFUL_DEBUG."""
    try:
        yield
    except RightfulError as error:
        if os.environ.get("RIGHTFUL_DEBUG"):
            raise
        fail(cli, error)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(OK) from None
    except (typer.Exit, typer.Abort, KeyboardInterrupt, AssertionError):
        raise
    except OSError as error:
        if os.environ.get("RIGHTFUL_DEBUG"):
            raise
        where = f" ({error.filename})" if error.filename else ""
        fail(cli, RightfulError(f"the system refused: {error.strerror or error}{where}"))
    except Exception as error:
        if os.environ.get("RIGHTFUL_DEBUG"):
            raise
        fail(
            cli,
            RightfulError(
                f"something unexpected happened in `rightful {cli.verb.path}` ({type(error).__name__})",
                remedy="Run it again with RIGHTFUL_DEBUG=1 and report what it prints",
            ),
        )


def fail(cli: Cli, error: RightfulError) -> NoReturn:
    """Say what went wrong and end with its exit code."""
    problems = [str(problem) for problem in getattr(error, "problems", ())]
    decision = error.decision if isinstance(error, NotPermitted) else None
    if cli.as_json:
        body = {"schema": "rightful/problem/1", **error.as_problem(), "exit_code": error.exit_code}
        body["problems"] = problems
        body["decision"] = decision.as_dict() if decision is not None else None
        sys.stdout.write(json.dumps(body, default=_plain, ensure_ascii=False, indent=2) + "\n")
    else:
        # `explain()` is Python; here the reasons follow.
        after = "" if decision is not None else f". {error.what_next}" if error.what_next else ""
        cited = f" ({error.article})" if error.article else ""
        cli.talk.print(f"{sentence_case(error.sentence)}{cited}{after}.", style="red", markup=False)
        if decision is not None and not cli.quiet:
            from rightful.gate.explain import explain

            cli.talk.print("\n" + explain(decision), markup=False)
        for problem in problems if len(problems) > 1 else ():
            cli.talk.print(f"  {problem}", markup=False)
    raise typer.Exit(error.exit_code)


def sentence_case(text: str) -> str:
    """A capital at the start, unless the first word is a name or an address."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%a %Y-%m-%d %H:%M:%S")
    return str(value)


def _plain(value: object) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
