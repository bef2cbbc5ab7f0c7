"""What a policy text says as a tree, with the line and column of every key and value.

Only the shapes of YAML are read: maps, lists and scalars. Nothing is ever
constructed: a tag, an anchor or an alias is refused where it stands, so there are
no objects, no shared nodes and no exponential expansion (AC-042, AC-044).

Easy to get wrong: whether `no` is a word, a boolean or Norway depends on the
reader, so a scalar that readers disagree about must stand in quotes. Sizes are
bounded before and while the text is read, so that no text takes long.

Source: YAML 1.2.2 section 10.3; YAML 1.1 types bool, int (base 60), null.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from rightful.policy.problems import Place, ProblemLog

LARGEST = 256 * 1024  # bytes of one file, and of all files together: read in well under a second
MOST_LINES = 10_000
LONGEST_LINE = 4_000
MOST_NODES = 10_000
DEEPEST = 20

Kind = Literal["map", "list", "text"]


@dataclass(slots=True)
class Node:
    """One map, list or scalar. `doubtful` marks a scalar already refused, so that nobody complains twice."""

    kind: Kind
    place: Place
    text: str = ""
    plain: bool = False
    doubtful: bool = False
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return self.kind == "text" and self.plain and self.text in ("", "~", "null", "Null", "NULL")

    def at(self, *path: str | int) -> Node:
        """The node below, as far as the path leads."""
        here = self
        for step in path:
            if isinstance(step, int):
                if step >= len(here.items):
                    return here
                here = here.items[step]
                continue
            below = [value for key, value in here.pairs if key.text == step]
            if not below:
                return here
            here = below[0]
        return here


class _Unreadable(Exception):
    """The text cannot be read any further; the problem is in the log."""


def decoded(data: bytes, file: str, log: ProblemLog) -> str | None:
    """The text of a file: UTF-8, with or without a byte order mark; None if it is none."""
    if len(data) > LARGEST:
        log.add((file, 0, 0), f"the file has {len(data):,} bytes; a policy has at most {LARGEST:,}")
        return None
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        before = data[:offset].removeprefix(b"\xef\xbb\xbf")
        line = before.count(b"\n") + 1
        start = before.rfind(b"\n") + 1
        column = len(before[start:].decode("utf-8", "replace")) + 1
        log.add((file, line, column), f"byte {offset} is not UTF-8; save the file as UTF-8")
        return None


def tree(text: str, file: str, log: ProblemLog) -> Node | None:
    """Read one YAML document; what is wrong with it goes into the log."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not _fits(text, file, log):
        return None
    try:
        return _Builder(file, log).build(text)
    except _Unreadable:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (file, mark.line + 1, mark.column + 1) if mark is not None else (file, 1, 1)
        log.add(place, _yaml_words(error))
    except Exception as error:  # a fault of the parser on hostile text must not get past the refusal
        log.add((file, 1, 1), f"this cannot be read as YAML ({type(error).__name__})")
    return None


def value_of(node: Node) -> Any:
    """The tree as plain values, as any YAML 1.2 reader would give them: for tests written in a policy."""
    if node.kind == "map":
        return {key.text: value_of(value) for key, value in node.pairs}
    if node.kind == "list":
        return [value_of(item) for item in node.items]
    if node.plain and node.text in ("true", "false"):
        return node.text == "true"
    if node.plain and WHOLE.fullmatch(node.text):
        return int(node.text)
    return unicodedata.normalize("NFC", node.text)


WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")

_DOUBTFUL = re.compile(
    r"(?P<yesno>[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|True|TRUE|False|FALSE)"
    r"|(?P<nothing>~|null|Null|NULL)"
    r"|(?P<base60>[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)"
    r"|(?P<base8>[-+]?0[0-9_]+|[-+]?0o[0-7_]+)"
    r"|(?P<base2>[-+]?0x[0-9a-fA-F_]+|[-+]?0b[01_]+)"
    r"|(?P<parted>[-+]?[0-9]+(?:_[0-9]+)+)"
)

_FORBIDDEN = re.compile(  # control characters, invisible line breaks, marks that turn the reading direction
    "[^\t\n\x20-\x7e\xa0-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_TAB = re.compile(r"^[ ]*\t", re.MULTILINE)


def doubt(text: str) -> str | None:
    """Why a scalar without quotes means different things to different readers, or None."""
    found = _DOUBTFUL.fullmatch(text)
    if found is None:
        return None
    if text == "NO":
        return 'NO without quotes is read as "no" (false) by many YAML readers; for Norway write "NO"'
    means = {
        "yesno": "yes or no (true or false)",
        "nothing": "nothing at all",
        "base60": "a number in base 60",
        "base8": "a number in base 8",
        "base2": "a number in another base",
        "parted": "a number without its underscores",
    }[found.lastgroup or "yesno"]
    more = ", or true or false for a switch" if found.lastgroup == "yesno" else ""
    return f'{text} without quotes is read as {means} by many YAML readers; write "{text}"{more}'


def _fits(text: str, file: str, log: ProblemLog) -> bool:
    if len(text) > LARGEST:
        log.add((file, 0, 0), f"the text has {len(text):,} characters; a policy has at most {LARGEST:,}")
        return False
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        log.add((file, MOST_LINES + 1, 1), f"the text has {len(lines):,} lines; a policy has at most {MOST_LINES:,}")
        return False
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            log.add((file, number, LONGEST_LINE + 1), f"the line is longer than {LONGEST_LINE:,} characters")
            return False
    fits = True
    for found in _hits(_FORBIDDEN, text):
        char = found.group()
        name = unicodedata.name(char, "a control character")
        log.add(_place(file, text, found.start()), f"U+{ord(char):04X} ({name}) may not stand in a policy")
        fits = False
    for found in _hits(_TAB, text):
        log.add(_place(file, text, found.end() - 1), "a tab indents this line; indent with spaces")
        fits = False
    return fits


def _hits(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, found in enumerate(pattern.finditer(text)):
        if count == 20:
            return
        yield found


def _place(file: str, text: str, offset: int) -> Place:
    return file, text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _yaml_words(error: MarkedYAMLError) -> str:
    said = " ".join(str(error.problem or error.context or "broken").split())
    if "mapping values are not allowed" in said:
        return 'a second ":" in one line; put text that holds a colon in quotes'
    if "found unknown escape character" in said or "found unexpected end of stream" in said:
        return f"the quotes are not closed or hold an unknown escape ({said})"
    return f"this is not YAML: {said[:120]}"


class _Builder:
    """Turns parser events into nodes, one at a time, with bounds on depth and number."""

    def __init__(self, file: str, log: ProblemLog) -> None:
        self.file = file
        self.log = log
        self.count = 0
        self.documents = 0
        self.root: Node | None = None
        self.open: list[Node] = []
        self.key: list[Node | None] = []  # per open map: the key that waits for its value
        self.seen: list[dict[str, Node]] = []  # per open node: the keys so far

    def build(self, text: str) -> Node | None:
        for event in YAML(typ="safe", pure=True).parse(text):
            self._take(event)
        if self.root is None or self.root.is_empty:
            self.log.add((self.file, 1, 1), "the file says nothing")
            return None
        return self.root

    def _take(self, event: Any) -> None:
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, AliasEvent):
            self.log.add(self._place(event), f"aliases (*{event.anchor}) are not read; write it out")
            self._add(Node("text", self._place(event), doubtful=True))
        elif isinstance(event, ScalarEvent):
            self._add(self._scalar(event))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._check_marks(event)
            self._open(Node("map" if isinstance(event, MappingStartEvent) else "list", self._place(event)))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.open.pop()
            self.key.pop()
            self.seen.pop()

    def _start_document(self, event: Any) -> None:
        self.documents += 1
        if event.version is not None or event.tags:
            self.log.add(self._place(event), "YAML directives (%) are not read; leave them out")
        if self.documents > 1:
            self.log.add(self._place(event), "a second document starts here; write one document per file")
            raise _Unreadable

    def _place(self, event: Any) -> Place:
        return self.file, event.start_mark.line + 1, event.start_mark.column + 1

    def _check_marks(self, event: Any) -> bool:
        """Anchors and tags: neither is needed to say what a policy says."""
        fine = True
        if event.anchor is not None:
            self.log.add(self._place(event), f"anchors (&{event.anchor}) are not read; write it out")
            fine = False
        if event.ctag is not None:
            self.log.add(self._place(event), f"tags ({str(event.ctag)[:40]}) are not read; leave it out")
            fine = False
        return fine

    def _scalar(self, event: Any) -> Node:
        plain = event.style is None
        fine = self._check_marks(event)
        node = Node("text", self._place(event), str(event.value), plain=plain, doubtful=not fine)
        why = doubt(node.text) if plain else None
        if why is not None:
            self.log.add(node.place, why)
            node.doubtful = True
        return node

    def _open(self, node: Node) -> None:
        if len(self.open) >= DEEPEST:
            self.log.add(node.place, f"nested more than {DEEPEST} deep")
            raise _Unreadable
        self._add(node)
        self.open.append(node)
        self.key.append(None)
        self.seen.append({})

    def _add(self, node: Node) -> None:
        self.count += 1
        if self.count > MOST_NODES:
            self.log.add(node.place, f"more than {MOST_NODES:,} keys and values; split the policy or cut it down")
            raise _Unreadable
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if parent.kind == "list":
            parent.items.append(node)
            return
        key = self.key[-1]
        if key is None:
            self.key[-1] = node
            return
        self.key[-1] = None
        self._pair(parent, key, node)

    def _pair(self, parent: Node, key: Node, value: Node) -> None:
        if key.kind != "text":
            self.log.add(key.place, f"a key is one word, not a {key.kind}")
            return
        name = unicodedata.normalize("NFC", key.text)
        first = self.seen[-1].get(name)
        if first is not None:
            self.log.add(key.place, f'"{name[:60]}" is written twice; the first is in line {first.place[1]}')
            return
        self.seen[-1][name] = key
        parent.pairs.append((key, value))
