"""`rightful demo`: the workspace is made or found, the story told, the pages served.

Easy to get wrong: leaving the store open when the server starts (it opens the
workspace itself); a taken port; a story that scrolls away before it is read.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rightful.actions.customer_view import recognise_customer
from rightful.demo import sharing, story
from rightful.demo.consents import ask_around
from rightful.demo.corrections import seed_corrections
from rightful.demo.doors import ways_in
from rightful.demo.links import follow_links
from rightful.demo.requests import seed_requests
from rightful.demo.retention import hold_what_is_due
from rightful.demo.world import Login, Step, World, is_demo, login_of, make
from rightful.errors import NotFound, RightfulError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

HOST = "127.0.0.1"
PORTS = 50
WIDTH = 100
BUYERS = ("soft_opt_in", "offers_phone_for_90_days")
VISITORS = ("ads_given_2025", "gpc_signal", "newsletter_refused", "objected_to_marketing")


class Door(Protocol):
    """What the demo needs of whoever runs it: two channels, and how to speak on them."""

    as_json: bool

    @property
    def talk(self) -> Console: ...
    def say(self, text: str, style: str = "") -> None: ...
    def show(self, text: str, style: str = "") -> None: ...
    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None: ...
    def answer(self, **members: Any) -> None: ...
    def progress(self, what: str) -> AbstractContextManager[Step]: ...


def demo(cli: Door, folder: Path, *, serve: bool, port: int, pace: float) -> int:
    """Make or find the workspace, tell the story, serve the pages. Returns an exit code."""
    began = time.monotonic()
    with _steps(cli) as step:
        world = make(folder, datetime.now(UTC).date(), step)
    chapters = {}
    with world.ws:
        made = ", ".join(world.made) or "nothing: all of it was there"
        cli.say(f"{folder}: made {made} ({time.monotonic() - began:.1f} s)", "dim")
        console = paper(sys.stdout)
        for number, chapter in enumerate(story.tell(world), 1):
            chapters[chapter.name] = chapter.facts
            if not cli.as_json:
                show(console, number, chapter)
                time.sleep(pace if console.is_terminal else 0)
        follow_links(world.ws)
        ask_around(world.ws, world.people)
        sharing.hand_over(world.ws)
        seed_requests(world.ws, world.people, story.told_about(world.ws))
        seed_corrections(world.ws, world.people)
        hold_what_is_due(world.ws, [world.people[name] for name in BUYERS if name in world.people])
        visitors = _visitors(world) if serve else ()
        doors = ways_in(world.ws, story.somebody(world.ws).key) if serve else {}
    seconds = round(time.monotonic() - began, 1)
    cli.answer(path=str(folder), made=list(world.made), seconds=seconds, chapters=chapters)
    if serve:
        _serve(cli, folder, port, visitors, doors)
    else:
        cli.say(f"\nThe story took {seconds} s. Look on: rightful gate explain -p newsletter -c email "
                f"--as max@meadow.example -w {folder}")  # fmt: skip
    return 0


def login(cli: Door, folder: Path) -> None:
    """Print how the officer signs in now: the code changes every 30 seconds."""
    if not is_demo(folder):
        raise NotFound(f"there is no demo at {folder}", remedy="`rightful demo` makes one")
    from rightful.web.accounts import totp_now

    known = login_of(folder)
    cli.show(f"{known.email}  password {known.password}  code {totp_now(folder, known.totp_secret)}")


# --- on a terminal ---------------------------------------------------------------------------------


def paper(file: TextIO) -> Console:
    """Where the story is written: as wide as the terminal, but no wider than is easy to read."""
    from rich.console import Console

    console = Console(file=file, highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


def show(console: Console, number: int, chapter: story.Chapter) -> None:
    """One chapter as a screen of text."""
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    title = Text.assemble((f"{number} ", "bold cyan"), (chapter.title, "bold"))
    console.print()
    console.print(Rule(title, align="left", style="dim", characters="-"))
    before: story.Block | None = None
    for block in chapter.blocks:
        together = isinstance(before, story.Say) and isinstance(block, story.Code)
        together = together or (isinstance(block, story.Explained) and "\n" not in block.text)
        console.print(Padding(_drawn(block), (0 if together else 1, 0, 0, 2), expand=False))
        before = block


def _drawn(block: story.Block) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    if isinstance(block, story.Say):
        return Text(block.text)
    if isinstance(block, story.Code):
        mark = {"bash": "$ ", "sql": "> "}.get(block.language, "")
        return Text(mark + block.text, style="cyan")
    if isinstance(block, story.Explained):
        text = Text(block.text)
        text.highlight_regex(r"\A[^\n]*", "red" if block.text.startswith("Refused") else "bold green")
        return text
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=any(block.headings), header_style="bold")
    for place, heading in enumerate(block.headings):
        right = place in block.right
        table.add_column(heading, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in block.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


@contextmanager
def _steps(cli: Door) -> Iterator[Step]:
    """What is being made: a bar on a terminal, one line each elsewhere."""
    if cli.talk.is_terminal:
        with cli.progress("Meadow") as progress:
            yield progress
        return
    yield lambda what, share: cli.say(f"  {share:>4.0%}  {what}", "dim")


# --- serving ---------------------------------------------------------------------------------------


def _visitors(world: World) -> tuple[str, ...]:
    """Addresses of customers who can sign in, the story's own first."""
    keys = [story.told_about(world.ws), *(world.people[name] for name in VISITORS if name in world.people)]
    found = []
    for key in keys:
        email = story.email_of(world.ws, key) if key else ""
        if email and recognise_customer(world.ws, email) == key:
            found.append(email)
    return tuple(found)


def _serve(cli: Door, folder: Path, port: int, visitors: tuple[str, ...], doors: Mapping[str, str]) -> None:
    try:
        from rightful.web import accounts
        from rightful.web import serve as web
    except ImportError:
        cli.say("The pages need the web part: pip install 'rightful[web]'")
        return
    free = free_port(port)
    if free != port:
        cli.say(f"Port {port} is taken, so {free} is used.")
    known = login_of(folder)
    if not accounts.staff_exists(folder, known.email):
        accounts.create_staff(folder, known.email, known.password, "officer", known.totp_secret)
    _tell_logins(cli, free, visitors, known, accounts.totp_now(folder, known.totp_secret), folder)
    _tell_doors(cli, free, doors)
    sys.stdout.flush()
    web.serve(folder, host=HOST, port=free, demo=True)


def _tell_logins(cli: Door, port: int, visitors: tuple[str, ...], known: Login, code: str, folder: Path) -> None:
    site = f"http://{HOST}:{port}"
    rows = [("Customers", f"{site}/", f"sign in as {visitors[0]}" if visitors else "")]
    rows += [("", "", f"or {email}") for email in visitors[1:]]
    rows += [
        ("", f"{site}/demo/outbox/", "where the sign-in code arrives"),
        ("Officer", f"{site}/staff/", known.email),
        ("", "", f"password {known.password}"),
        ("", "", f"code {code}; a new one every 30 s: rightful demo {folder} --login"),
    ]
    cli.say("\nLook around; Ctrl-C ends it.\n", "bold")
    cli.table(("", "", ""), rows)
    cli.say("")


def _tell_doors(cli: Door, port: int, doors: Mapping[str, str]) -> None:
    """What needs no sign-in. Links stand on lines of their own: they are long, and there to be copied."""
    site = f"http://{HOST}:{port}"
    cli.say("Without signing in\n", "bold")
    for name, words in (
        ("opt-out", "opt out with an address and one press"),
        ("unsubscribe", "the link in a mail that stops one list"),
        ("preferences", "the form for the organisation's own site"),
    ):
        cli.say(f"  {words}\n  {site}{doors[name]}")
    cli.say(f"\n  the REST API, as the marketer: {site}/api/v1/purposes\n  Authorization: Bearer {doors['token']}\n")


def free_port(wanted: int) -> int:
    """The first port from `wanted` on that nobody listens on.

    Raises:
        RightfulError: none of the next ones is free either.
    """
    for port in range(wanted, min(wanted + PORTS, 65_536)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RightfulError(f"no port from {wanted} on is free", remedy="Name another one: --port")
