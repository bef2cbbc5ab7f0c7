"""How tables hang together: which column of which table names whose row.

Foreign keys say it themselves. Everything else is proposed from names and measured
values, with the evidence beside it, and a person confirms or rejects it: names
(`customer_id`, `party`), pairs of type and id (`parent_type`/`parent_id`), reference
texts (`party.party,12`), twins (`x_history`, `x_cstm`), equal values (an e-mail
column without a key) and rows that relate two things of any kind (`subject`, `type`, `object`).

A link goes from a column (child) to the row it names (parent) and has a role:

* `belongs`   the child's row is part of the person the parent's row is about;
* `shared`    the child is the person's and points to a row (an address) that is theirs, too, unless others point to it;
* `mentions`  the child's row is somebody else's or the company's and only names the person;
* `reference` what is pointed to is no person's (a country, a product).

Easy to get wrong: small whole numbers fit every key, so values alone prove nothing for
them, and a part of the program called like a table is not that table; a table that points
to the customer twice has one owner and one mention; history keeps keys that the original
no longer has.

Sources: DESIGN section 7. Measured recall: docs/explanation/erasure.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from rightful.gate.identifiers import words_of

Kind = Literal["foreign-key", "name", "value", "twin", "type-and-id", "reference-text", "relation"]
Role = Literal["belongs", "shared", "mentions", "reference"]
Form = Literal["plain", "folded", "digits"]
"""How values are compared: as they are, without case and white space, by their last eight digits."""

SURE = 0.9
"""From this confidence on a proposal may be confirmed together with others."""
ENOUGH = 0.6
"""Share of a column's values that must be found among the keys."""

PERSON_WORDS = frozenset(
    [
        *["customer", "client", "contact", "party", "person", "member", "user", "patient", "guest", "account", "lead"],
        *["buyer", "subscriber", "owner", "holder", "recipient", "payer", "partner", "kunde", "cliente", "people"],
    ]
)
MENTION_WORDS = frozenset(
    [
        *["created", "updated", "modified", "deleted", "by", "assigned", "responsible", "introduced", "referrer"],
        *["referred", "manager", "agent", "author", "approved", "parent", "guardian", "merged", "reviewer", "seller"],
    ]
)
PERSONAL_TABLE_WORDS = frozenset(
    [
        *["address", "addresses", "location", "contact", "phone", "mail", "email", "household", "person", "profile"],
        *["card", "bank", "document", "file", "attachment", "blob", "detail", "details", "identity", "consent"],
        *["preference", "preferences", "info", "body"],
    ]
)
TYPE_WORDS = frozenset(["type", "model", "module", "kind", "class", "entity", "table", "object"])
PART_WORDS = frozenset(["module", "app", "application", "package"])
"""Such a column names a part of the program; only a value that is the table's whole name means the table."""
MOST = 0.8
"""Share of a type column's values that must name tables for one of them to be believed by half a name."""
FEW_NUMBERS, FEW_TEXTS, FEW_SURE = 10, 3, 0.85
"""So few different whole numbers (texts) fit by chance; confidence in such a link is at most this."""
RELATED = 0.8
"""Confidence in what a relation leads to: never so sure that nobody looks."""
KEY_ENDINGS = frozenset(["id", "no", "nr", "key", "ref", "fk", "uuid", "guid", "number", "code", "pk"])
TWIN_BEFORE = ("history", "hist", "audit", "archive", "archived", "deleted", "backup", "bak", "old", "log", "tmp")
TWIN_AFTER = (
    *("history", "hist", "audit", "aud", "log", "archive", "archived", "deleted", "backup", "bak", "old"),
    *("versions", "version", "cstm", "custom", "shadow", "copy"),
)
REFERENCE_TEXT = re.compile(r"([A-Za-z_][\w.]*)([,:|#/])(\S{1,64})")


@dataclass(frozen=True, slots=True)
class Link:
    """A column that names rows of another table.

    Attributes:
        means: for `type-and-id` and `reference-text`: how the parent's table is spelled in the data; for
            `relation`: the kinds of relation that are followed.
        type_column: for `type-and-id` and `relation`: where that spelling or kind stands.
        separator: for `reference-text`: between spelling and key.
        evidence: why we think so, in numbers; never a value of the data.
    """

    child: str
    columns: tuple[str, ...]
    parent: str
    to: tuple[str, ...]
    kind: Kind
    role: Role
    confidence: float = 1.0
    evidence: str = ""
    type_column: str = ""
    means: tuple[str, ...] = ()
    separator: str = ""

    @property
    def id(self) -> str:
        """A name for people and the command line: `order.customer_id>customer.id`."""
        mark = f"[{self.type_column}]" if self.type_column else ""
        return f"{self.child}.{'+'.join(self.columns)}{mark}>{self.parent}.{'+'.join(self.to)}"


@dataclass(frozen=True, slots=True)
class Column:
    """What proposals need to know of a column. `sample`: some distinct values as text, for its shape only."""

    name: str
    type: str
    sample: tuple[str, ...] = ()
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as proposals see it. `key` is declared, or found to be one by counting."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    references: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()
    rows: int = 0

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Question:
    """A comparison that the store is asked to count: how many distinct values of one column stand in the other."""

    child: str
    column: str
    parent: str
    to: str
    form: Form = "plain"
    type_column: str = ""
    means: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """The count: `found` of `asked` distinct values; `rows` of the child for each value on average."""

    asked: int
    found: int
    rows: float = 0.0

    @property
    def share(self) -> float:
        return self.found / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Guess:
    """A link that waits for its count. `named`: how much the names alone say, 0 to 1. `few`: below so many
    different values, their fitting says little."""

    link: Link
    question: Question
    named: float
    few: int = 0


@dataclass(frozen=True, slots=True)
class Relating:
    """A table whose rows relate two things of one kind: `near` and `far` name them, `type_column` says how."""

    table: str
    near: str
    far: str
    type_column: str
    parent: str
    to: str


@dataclass(frozen=True, slots=True)
class KindOfRelation:
    """Of one kind of relation, the rows that go from a customer to something that is no customer, counted."""

    spelling: str
    rows: int
    things: int


@lru_cache(maxsize=100_000)
def plain(name: str) -> str:
    """A table's name for comparison: letters and digits of its words, singular, without schema or application."""
    words = words_of(name)
    return "".join((*words[:-1], _singular(words[-1]))) if words else ""


def declared(tables: Sequence[Shape], customers: str) -> tuple[Link, ...]:
    """Foreign keys as links; their roles follow in `with_roles`. A database may declare one twice."""
    found = {}
    for table in tables:
        for columns, parent, to in table.references:
            link = Link(table.name, columns, parent, to, "foreign-key", "reference", 1.0, "foreign key")
            found[link.id] = link
    return tuple(found.values())


def guesses(tables: Sequence[Shape], customers: str, known: Sequence[Link] = ()) -> tuple[Guess, ...]:
    """What might be a link, to be counted. `known` columns are not guessed about again."""
    taken = {(link.child, c) for link in known for c in link.columns}
    found: list[Guess] = []
    for table in tables:
        found += _twins(table, tables)
        pairs = _type_pairs(table)
        for type_column, id_column in pairs:
            found += _typed(table, type_column, id_column, tables)
        in_pairs = {id_column for _, id_column in pairs if table.column(id_column)}
        for column in table.columns:
            if (table.name, column.name) in taken:
                continue
            found += _reference_texts(table, column, tables)
            if column.name not in in_pairs:
                found += _named(table, column, tables, customers)
            found += _valued(table, column, tables, customers)
    best: dict[str, Guess] = {}
    for guess in found:
        if guess.link.child == guess.link.parent and guess.link.columns == guess.link.to:
            continue
        before = best.get(guess.link.id)
        if before is None or guess.named > before.named:
            best[guess.link.id] = guess
    return tuple(best.values())


def judged(guess: Guess, overlap: Overlap) -> Link | None:
    """The link as a proposal with evidence and confidence; None if the values speak against it."""
    link, share = guess.link, overlap.share
    if not overlap.asked or not overlap.found:
        return None
    twin = link.kind == "twin"
    if share < ENOUGH and not (twin and guess.named >= 0.9) and not (guess.named >= 0.9 and overlap.found >= 1):
        return None
    confidence = min(0.99, 0.5 * guess.named + 0.5 * share)
    if twin:
        confidence = max(confidence, 0.9 if guess.named >= 0.9 else 0.7)
    if overlap.asked < guess.few:
        confidence = min(confidence, FEW_SURE)
    says = f"{overlap.found} of {overlap.asked} different values are found in {link.parent}.{'+'.join(link.to)}"
    return replace(link, confidence=round(confidence, 2), evidence=f"{link.evidence}; {says}")


def relatings(tables: Sequence[Shape], links: Sequence[Link], customers: str) -> tuple[Relating, ...]:
    """Tables that relate two rows of the table that customers extend (an entity is a contact, a deal, a meeting)."""
    own = next((t for t in tables if t.name == customers), None)
    if own is None:
        return ()
    wider = {(x.parent, x.to) for x in links if x.child == customers and x.columns == own.key}
    found = []
    for table in tables:
        ends = [x for x in links if x.child == table.name and (x.parent, x.to) in wider and x.kind == "foreign-key"]
        kinds = [c.name for c in table.columns if _says_kind(c.name) and c.name not in {e.columns[0] for e in ends}]
        if len(ends) < 2 or not kinds:
            continue
        found += [
            Relating(table.name, near.columns[0], far.columns[0], kinds[0], far.parent, far.to[0])
            for near in ends
            for far in ends
            if near.columns != far.columns and near.parent == far.parent
        ]
    return tuple(found)


def related(one: Relating, kinds: Sequence[KindOfRelation]) -> Link | None:
    """The things that only one customer each is related to so; None if no kind of relation is like that.

    An employer is many people's and nobody's own; a deal whose one customer this is goes with the customer.
    """
    alone = [k for k in kinds if k.things and k.rows <= 1.5 * k.things]
    if not alone:
        return None
    rows, things = sum(k.rows for k in alone), sum(k.things for k in alone)
    kinds_ = "1 kind" if len(alone) == 1 else f"{len(alone)} kinds"
    evidence = f"{kinds_} of relation from a customer to what has one only: {rows} rows, {things} things"
    return Link(
        one.table,
        (one.far,),
        one.parent,
        (one.to,),
        "relation",
        "shared",
        RELATED,
        evidence,
        type_column=one.type_column,
        means=tuple(sorted(k.spelling for k in alone)),
    )


def with_roles(links: Iterable[Link], tables: Sequence[Shape], customers: str, fan: Mapping[str, float]) -> list[Link]:
    """Give each link the role it probably has.

    Args:
        fan: link id -> rows of the child for each different value, on average.
    """
    links = list(links)
    owned = _reached(links, customers)
    at_customer: dict[str, list[Link]] = {}
    for link in links:
        if link.parent == customers and link.kind in ("foreign-key", "name"):
            at_customer.setdefault(link.child, []).append(link)
    found = []
    for link in links:
        role: Role
        if link.kind == "relation":
            role = "shared"
        elif link.kind in ("twin", "value", "type-and-id", "reference-text"):
            role = "belongs"
        elif link.parent == customers:
            others = at_customer.get(link.child, [])
            aside = bool(frozenset(words_of(link.columns[0])) & MENTION_WORDS)
            owner = any(not frozenset(words_of(o.columns[0])) & MENTION_WORDS for o in others if o is not link)
            role = "mentions" if link.child == customers or (aside and owner) else "belongs"
        elif link.parent in owned:
            role = "belongs"
        elif link.child in owned:
            personal = bool(frozenset(words_of(link.parent)) & PERSONAL_TABLE_WORDS)
            lonely = fan.get(link.id, 99.0) <= 1.5
            role = "shared" if personal or lonely else "reference"
        else:
            role = "reference"
        found.append(replace(link, role=role))
    return found


# --- proposals by kind -----------------------------------------------------------------------------


def _named(table: Shape, column: Column, tables: Sequence[Shape], customers: str) -> list[Guess]:
    """`customer_id`, `party`, `KundenNr`: a column whose words end in a table's name, or in a word for a person."""
    if column.type not in ("bigint", "integer", "smallint", "text", "uuid") or table.key == (column.name,):
        return []
    words = list(words_of(column.name))
    keyed = bool(words) and words[-1] in KEY_ENDINGS
    stem = words[:-1] if keyed else words
    found = []
    for parent in tables:
        if len(parent.key) != 1 or (parent.name == table.name and not stem):
            continue
        key = parent.column(parent.key[0])
        if key is None or not _comparable(column.type, key.type):
            continue
        target = plain(parent.name)
        last = plain(words_of(parent.name)[-1]) if words_of(parent.name) else ""
        named = 0.0
        if stem:
            endings = endings_of(stem)
            if target in endings:
                named = 1.0
            elif last in endings and len(last) > 2:
                named = 0.9
            elif parent.name == customers and PERSON_WORDS & {*stem, _singular(stem[-1])}:
                named = 0.8
        if not named and parent.name == customers:
            if _telling(column):
                named = 0.3  # values that cannot fit by chance
            elif keyed or frozenset(words) & MENTION_WORDS:
                named = 0.2 if any(plain(t.name) in endings_of(stem) for t in tables) else 0.4
        if named and not keyed and column.type == "text" and not _telling(column) and named < 0.9:
            continue
        if named:
            link = Link(table.name, (column.name,), parent.name, parent.key, "name", "belongs", 0.0, "named like it")
            if named < 0.5:
                link = replace(link, evidence="the name does not say so, the values fit")
            few = FEW_TEXTS if column.type in ("text", "uuid") else FEW_NUMBERS
            found.append(Guess(link, Question(table.name, column.name, parent.name, parent.key[0]), named, few))
    return found


def _valued(table: Shape, column: Column, tables: Sequence[Shape], customers: str) -> list[Guess]:
    """A text column that holds what an e-mail or telephone column of the customers holds."""
    if column.type not in ("text", "bigint") or table.name == customers:
        return []
    people = next((t for t in tables if t.name == customers), None)
    if people is None:
        return []
    mine = _contact_kind(column)
    found = []
    for other in people.columns:
        if mine and other.type == "text" and _contact_kind(other) == mine:
            link = Link(table.name, (column.name,), customers, (other.name,), "value", "belongs", 0.0, f"{mine} values")
            compared: Form = "digits" if mine == "telephone" else "folded"
            question = Question(table.name, column.name, customers, other.name, compared)
            found.append(Guess(link, question, 0.8, FEW_TEXTS))
    return found


def _twins(table: Shape, tables: Sequence[Shape]) -> list[Guess]:
    """History, audit and custom-field tables that stand beside another table."""
    words = list(words_of(table.name))
    stems = []
    if len(words) > 1 and words[-1] in TWIN_AFTER:
        stems.append("".join(words[:-1]))
    if len(words) > 1 and words[0] in TWIN_BEFORE:
        stems.append("".join(words[1:]))
    found = []
    for parent in tables:
        name = "".join(words_of(parent.name))
        if parent.name == table.name or len(parent.key) != 1 or not any(s in (name, plain(parent.name)) for s in stems):
            continue
        key = parent.key[0]
        candidates = [key, f"{key}_c", f"{plain(parent.name)}_{key}", f"original_{key}", f"old_{key}"]
        own = parent.column(key)
        for column in table.columns:
            if own is None or column.name.lower() not in [c.lower() for c in candidates]:
                continue
            if _comparable(column.type, own.type):
                same = len({c.name for c in table.columns} & {c.name for c in parent.columns})
                evidence = f"a twin by its name, {same} columns in common"
                link = Link(table.name, (column.name,), parent.name, (key,), "twin", "belongs", 0.0, evidence)
                certain = table.key != (column.name,) or same <= 1 or words[-1] in ("cstm", "custom")
                named = 0.95 if certain or column.name != key else 0.9
                found.append(Guess(link, Question(table.name, column.name, parent.name, key), named))
                break
    return found


def _type_pairs(table: Shape) -> list[tuple[str, str]]:
    """Columns that say together what they point to: one names a kind of thing, one holds its key."""
    by_stem: dict[tuple[str, ...], str] = {}
    kinds: dict[tuple[str, ...], str] = {}
    for column in table.columns:
        words = words_of(column.name)
        if not words:
            continue
        if words[-1] in ("id", "key", "uuid", "no", "ref", "pk"):
            by_stem[words[:-1]] = column.name
        if _says_kind(column.name):
            kinds[words] = column.name
    found = []
    for words, column_name in kinds.items():
        stem = words[:-2] if words[-2:] == ("type", "id") else words[:-1]
        partner = by_stem.get(stem) if stem and stem not in (("content",),) else None
        if partner is None:
            for other in (("object",), ("record",), ("res",), ("item",), ("entity",), ("target",), ("row",), ("bean",)):
                partner = partner or by_stem.get(other)
        if partner is not None and partner != column_name:
            found.append((column_name, partner))
    return found


def _says_kind(column: str) -> bool:
    words = words_of(column)
    if not words:
        return False
    return words[-1] in TYPE_WORDS or words[-2:] == ("type", "id") or (words[-1] == "name" and words[0] in TYPE_WORDS)


def _typed(table: Shape, type_column: str, id_column: str, tables: Sequence[Shape]) -> list[Guess]:
    spelled = table.column(type_column)
    if spelled is None or len(spelled.sample) > 60:
        return []
    plains = _plains(tables)
    part = words_of(type_column)[-1] in PART_WORDS
    named = [v for v in spelled.sample if any(_names_table(v, t.name, plains, whole=part) for t in tables)]
    believed = bool(named) and len(named) >= MOST * len(spelled.sample)
    if part and not believed:
        return []  # parts of the program, some of which are called like a table
    found = []
    for parent in tables:
        if len(parent.key) != 1:
            continue
        means = tuple(sorted(v for v in spelled.sample if _names_table(v, parent.name, plains, whole=part)))
        whole = any(_names_table(v, parent.name, plains, whole=True) for v in means)
        if means:
            link = Link(
                table.name,
                (id_column,),
                parent.name,
                parent.key,
                "type-and-id",
                "belongs",
                0.0,
                f"{type_column} names this table in {len(means)} spelling{'s' if len(means) > 1 else ''}",
                type_column=type_column,
                means=means,
            )
            question = Question(table.name, id_column, parent.name, parent.key[0], "plain", type_column, means)
            found.append(Guess(link, question, 0.95 if whole or believed else 0.7))
    return found


def _reference_texts(table: Shape, column: Column, tables: Sequence[Shape]) -> list[Guess]:
    if column.type != "text" or not column.sample:
        return []
    hits = [REFERENCE_TEXT.fullmatch(value) for value in column.sample]
    good = [hit for hit in hits if hit is not None]
    if len(good) < 0.8 * len(column.sample):
        return []
    spellings, plains = {hit[1] for hit in good}, _plains(tables)
    found = []
    for parent in tables:
        if len(parent.key) != 1:
            continue
        named = {spelling for spelling in spellings if _names_table(spelling, parent.name, plains)}
        mine = [hit for hit in good if hit[1] in named]
        for separator in sorted({hit[2] for hit in mine}):
            means = tuple(sorted({hit[1] for hit in mine if hit[2] == separator}))
            link = Link(
                table.name,
                (column.name,),
                parent.name,
                parent.key,
                "reference-text",
                "belongs",
                0.0,
                "texts that name a table and a key",
                means=means,
                separator=separator,
            )
            question = Question(table.name, column.name, parent.name, parent.key[0], "plain", separator, means)
            found.append(Guess(link, question, 0.95))
    return found


def endings_of(words: Sequence[str]) -> frozenset[str]:
    """Every ending of a name, as one word in the singular: billing, address -> billingaddress, address."""
    return frozenset("".join((*words[i:-1], _singular(words[-1]))) for i in range(len(words)))


# --- words -----------------------------------------------------------------------------------------


def _plains(tables: Sequence[Shape]) -> frozenset[str]:
    return frozenset(plain(t.name) for t in tables)


def _names_table(spelling: str, table: str, plains: frozenset[str], *, whole: bool = False) -> bool:
    """Whether a spelling in the data ("party.party", "Customer", "crm.Customer") means this table.

    `plains`: the plain names of all tables. `whole`: "Customer" does not mean `crm_customer`."""
    wanted = plain(spelling.replace(".", "_"))
    last = plain(re.split(r"[.\\:/]", spelling)[-1])
    own = plain(table)
    if wanted == own or last == own:
        return True
    if whole or wanted in plains or last in plains:
        return False  # another table has exactly this name
    words = words_of(table)
    return len(words) > 1 and _singular(words[-1]) == last and len(last) > 2


def _singular(word: str) -> str:
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ses", "s"), ("xes", "x"), ("ches", "ch")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _telling(column: Column) -> bool:
    """Whether values are long or mixed enough that they do not fit a key by chance."""
    sample = column.sample
    return len(sample) >= 3 and all(len(v) >= 4 and not v.isdigit() and " " not in v for v in sample)


def _comparable(one: str, other: str) -> bool:
    whole = ("bigint", "integer", "smallint")
    return one == other or (one in whole and other in whole) or "text" in (one, other)


_EMAIL = re.compile(r"\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*")
_PHONE = re.compile(r"\s*\+?[\d\s().\-/]{6,24}\s*")


def _contact_kind(column: Column) -> Literal["", "e-mail", "telephone"]:
    sample = [v for v in column.sample if v.strip()]
    if not sample:
        return ""
    if sum(bool(_EMAIL.fullmatch(v)) for v in sample) >= 0.8 * len(sample):
        return "e-mail"
    words = frozenset(words_of(column.name))
    named = words & {
        "phone",
        "mobile",
        "tel",
        "telephone",
        "fax",
        "cell",
        "telefon",
        "caller",
        "called",
        "msisdn",
        "number",
        "to",
        "from",
    }
    if sum(bool(_PHONE.fullmatch(v)) for v in sample) >= 0.8 * len(sample) and min(map(len, sample)) >= 8:
        return "telephone" if named or all(v.strip().startswith("+") for v in sample) else ""
    return ""


def _reached(links: Sequence[Link], customers: str) -> frozenset[str]:
    """Tables whose rows are about a customer, directly or through others, going down only."""
    owned = {customers}
    while True:
        more = {link.child for link in links if link.parent in owned} - owned
        if not more:
            return frozenset(owned)
        owned |= more


@dataclass(frozen=True, slots=True)
class Decided:
    """A link and what was decided about it."""

    link: Link
    state: Literal["proposed", "confirmed", "rejected"] = "proposed"
    by: str = ""
    entry: int = field(default=-1)
